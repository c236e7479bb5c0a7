#include "etalon/workers/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/base/message_of_test.hpp"
#include "etalon/workers/codec_worker.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;

class SetVariable {
 public:
  SetVariable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~SetVariable() {
    if (before_) {
      ::setenv(name_, before_->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }
  SetVariable(const SetVariable&) = delete;
  SetVariable& operator=(const SetVariable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

// The real worker in a Python that has a stand-in for the package: it puts 16 zeros in front and turns every
// byte over. The key chooses how it misbehaves.
constexpr std::string_view kStandIn = R"(
import os, sys, time
def misbehave(key):
    if key == b"die": os._exit(9)
    if key == b"hang": time.sleep(100)
    if key == b"raise": raise ValueError("the passphrase %r is bad" % key)
    if key == b"leave": sys.exit("leave is no key")
    if key == b"": raise ValueError("there is no key")
    if key == b"print": print("talk on standard output")
def turn(data): return bytes(255 - byte for byte in data)
def encrypt_stream(source, target, key, encryption, rewind):
    misbehave(key)
    target.write(bytes(16) + turn(source.read()))
    if key == b"more": target.write(b"!")
def decrypt_stream(source, target, key, encryption, rewind):
    target.write(turn(source.read()[16:]))
)";

class StandInCodec : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "etalon-codec-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    if (std::system("python3 -c pass 2>/dev/null") != 0)
      GTEST_SKIP() << "no python3 on PATH for the stand-in codec";
    fs::create_directories(folder_ / "eff_tao_encryption");
    std::ofstream(folder_ / "eff_tao_encryption/__init__.py") << "";
    std::ofstream(folder_ / "eff_tao_encryption/tao_codec.py") << kStandIn;
    codec_.python = script("python", "PYTHONPATH='" + folder_.string() + "' exec python3 \"$@\"");
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path script(const std::string& name, const std::string& body) {
    std::ofstream(folder_ / name) << "#!/bin/sh\n" << body << "\n";
    fs::permissions(folder_ / name, fs::perms::owner_all);
    return folder_ / name;
  }

  std::string message_with_key(std::string_view key) {
    return message_of([&] { run_codec(codec_.python, CodecOp::kEncrypt, as_bytes("abc"), key, 19, 2s); });
  }

  fs::path folder_;
  CodecFound codec_;
};

TEST_F(StandInCodec, TakesBytesThereAndBack) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (const std::string& plain : {std::string(), all}) {
    const Bytes encrypted = encrypt(codec_, as_bytes(plain), "key");
    EXPECT_EQ(encrypted.size(), plain.size() + 16);
    EXPECT_EQ(as_text(decrypt(codec_, encrypted, "key")), plain);
  }
}

TEST_F(StandInCodec, IsNotDisturbedByWhatThePackagePrints) {
  EXPECT_EQ(encrypt(codec_, as_bytes("abc"), "print").size(), 19U);
}

TEST_F(StandInCodec, FailsWithAReasonAndWithoutTheKey) {
  EXPECT_THAT(message_with_key("die"), HasSubstr("ended with status 9"));
  EXPECT_THAT(message_with_key("hang"), HasSubstr("did not end within 2 seconds"));
  EXPECT_THAT(message_with_key("more"), HasSubstr("gave 20 bytes, expected 19"));
  for (const auto& [key, name] : {std::pair{"raise", "ValueError"}, std::pair{"leave", "SystemExit"}}) {
    const std::string said = message_with_key(key);
    EXPECT_THAT(said, testing::EndsWith(std::string("fails: ") + name));
    EXPECT_THAT(said, testing::Not(HasSubstr(key)));
  }
  EXPECT_THAT(message_with_key(""), HasSubstr("ValueError: there is no key"));
}

TEST_F(StandInCodec, RefusesAnswersOfAnotherForm) {
  const auto message = [&](const std::string& body) {
    return message_of([&] { probe_codec(script("other", body), 5s); });
  };
  EXPECT_THAT(message("cat >/dev/null; echo hello"), HasSubstr("an answer of another form"));
  EXPECT_THAT(message("cat >/dev/null"), HasSubstr("gives no answer"));
  EXPECT_THAT(message("cat >/dev/null; printf '{\"ok\":true,\"size\":5}\\nab'"),
              HasSubstr("an answer of another form"));
  EXPECT_THAT(message("cat >/dev/null; echo '{\"ok\":1,\"size\":0}'"),
              HasSubstr("an answer of another form"));
  EXPECT_THAT(message("cat >/dev/null; echo '[]'"), HasSubstr("an answer of another form"));
  EXPECT_THAT(message("cat >/dev/null; echo '{\"ok\":false,\"size\":0,\"error\":7}'"),
              HasSubstr("no reason given"));
  EXPECT_THAT(message("echo first >&2; echo last >&2; exit 1"),
              HasSubstr("ended with status 1 (it says: last)"));
}

TEST_F(StandInCodec, IsFoundThroughItsVariableOnly) {
  {
    const SetVariable named("ETALON_CODEC_PYTHON", codec_.python.string());
    const auto found = find_codec();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->python, codec_.python);
    EXPECT_THAT(found->python_version, testing::StartsWith("3."));
  }
  const SetVariable absent("ETALON_CODEC_PYTHON", (folder_ / "absent").string());
  const std::string said = message_of([] { find_codec(); });
  EXPECT_THAT(said, HasSubstr("cannot start"));
  EXPECT_THAT(said, HasSubstr("in ETALON_CODEC_PYTHON '"));
  EXPECT_THAT(said, HasSubstr("(install nvidia-eff-tao-encryption"));
}

TEST_F(StandInCodec, IsFoundOnPathAndInPyenv) {
  const SetVariable unnamed("ETALON_CODEC_PYTHON", "");
  const SetVariable home("HOME", folder_.string());
  const std::string system_path = std::getenv("PATH");
  {
    const SetVariable nothing("PATH", folder_.string());
    if (const auto set_up = find_codec())
      GTEST_SKIP() << "the set-up's codec comes first: " << set_up->python;
  }
  fs::create_directories(folder_ / ".pyenv/versions/3.12.9/bin");
  fs::copy(codec_.python, folder_ / ".pyenv/versions/3.12.9/bin/python");
  EXPECT_EQ(find_codec()->python, folder_ / ".pyenv/versions/3.12.9/bin/python");
  fs::create_directories(folder_ / "bin");
  fs::copy(codec_.python, folder_ / "bin/python3.12");
  const SetVariable path("PATH", (folder_ / "bin").string() + ":" + system_path);
  EXPECT_EQ(find_codec()->python, folder_ / "bin/python3.12");
}

TEST_F(StandInCodec, DoesNotImportFromTheWorkingFolder) {
  const fs::path before = fs::current_path();
  std::ofstream(folder_ / "json.py") << "raise SystemExit(5)\n";
  fs::create_directories(folder_ / "work");
  fs::rename(folder_ / "json.py", folder_ / "work/json.py");
  fs::current_path(folder_ / "work");
  const std::string said = message_of([&] { probe_codec(codec_.python, 20s); });
  fs::current_path(before);
  EXPECT_EQ(said, "no error");
}

TEST(Codec, NeedsTheNonce) {
  EXPECT_THAT(message_of([] { decrypt({}, as_bytes("fifteen bytes.."), "key"); }),
              HasSubstr("has 15 bytes, expected at least 16"));
}

TEST(Codec, SaysWhatToInstall) {
  const std::string said = message_of([] { throw_no_codec("to write an .etlt"); });
  EXPECT_THAT(said, HasSubstr("codec is needed to write an .etlt"));
  EXPECT_THAT(said, HasSubstr("ETALON_CODEC_PYTHON"));
}

// NVIDIA's own package, where it is.
class NvidiasCodec : public testing::Test {
 protected:
  void SetUp() override {
    found_ = find_codec();
    if (!found_) GTEST_SKIP() << "no Python has nvidia-eff-tao-encryption";
  }
  std::optional<CodecFound> found_;
};

TEST_F(NvidiasCodec, TellsItsVersion) { EXPECT_THAT(found_->package_version, testing::StartsWith("0.1.")); }

TEST_F(NvidiasCodec, TakesBytesThereAndBackWithAnyKey) {
  std::string large(5'000'000, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 2654435761U >> 24);
  const std::string with_zero("a\0b", 3);
  for (const auto& [plain, key] : {std::pair<std::string, std::string>{"", "nvidia_tlt"},
                                   {"short", "cl\xc3\xa9-\xe9\x8d\xb5"},
                                   {"short", ""},
                                   {"short", with_zero},
                                   {"short", "\xff\xfe not UTF-8 \" \\ \n"},
                                   {large, "nvidia_tlt"}}) {
    const Bytes encrypted = encrypt(*found_, as_bytes(plain), key);
    EXPECT_EQ(encrypted.size(), plain.size() + 16);
    EXPECT_TRUE(as_text(decrypt(*found_, encrypted, key)) == plain);
  }
  const Bytes encrypted = encrypt(*found_, as_bytes("some plain text"), "one key");
  EXPECT_NE(as_text(decrypt(*found_, encrypted, "another")), "some plain text");
}

TEST_F(NvidiasCodec, ReadsWhatItWroteElsewhere) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA is not set: no .etlt file to read";
  const Bytes file = read_file(fs::path(data) / "etlt/tiny.etlt");
  const Bytes plain = decrypt(*found_, ByteView(file).subspan(4), "nvidia_tlt");
  EXPECT_EQ(plain, read_file(fs::path(data) / "etlt/tiny.onnx"));
}

}  // namespace
}  // namespace etalon
