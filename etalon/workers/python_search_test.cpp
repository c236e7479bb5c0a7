#include "etalon/workers/python_search.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

// A home and a PATH of its own, with files that can be executed where Pythons would be.
class PythonSearchTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "etalon-search-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    for (const char* variable : {"PATH", "HOME"})
      kept_.emplace_back(variable, std::getenv(variable) ? std::getenv(variable) : "");
    ::setenv("HOME", folder_.c_str(), 1);
    ::setenv("PATH", (folder_ / "a").string().append("::").append((folder_ / "b").string()).c_str(), 1);
    ::unsetenv("ETALON_TEST_PYTHON");
  }
  void TearDown() override {
    for (const auto& [variable, value] : kept_) ::setenv(variable.c_str(), value.c_str(), 1);
    ::unsetenv("ETALON_TEST_PYTHON");
    fs::remove_all(folder_);
  }
  fs::path add(const std::string& name) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << "#!/bin/sh\n";
    fs::permissions(folder_ / name, fs::perms::owner_all);
    return folder_ / name;
  }
  PythonSearch search(std::vector<std::string> versions) {
    return {"ETALON_TEST_PYTHON", folder_ / "set_up/bin/python", std::move(versions), "install it"};
  }

  fs::path folder_;
  std::vector<std::pair<std::string, std::string>> kept_;
};

TEST_F(PythonSearchTest, LooksAtTheSetUpThenPathThenPyenv) {
  const fs::path set_up = add("set_up/bin/python"), second = add("b/python3.10"), first = add("a/python3.12");
  const fs::path old = add(".pyenv/versions/3.10.4/bin/python"),
                 younger = add(".pyenv/versions/3.12/bin/python");
  add(".pyenv/versions/3.1/bin/python");
  add(".pyenv/versions/3.100.1/bin/python");
  add("a/python3");
  EXPECT_THAT(other_pythons(search({"3.10", "3.12"})), ElementsAre(set_up, second, first, old, younger));
}

TEST_F(PythonSearchTest, TakesAnyVersionForThree) {
  const fs::path plain = add("b/python3"), old = add(".pyenv/versions/3.1/bin/python");
  const fs::path young = add(".pyenv/versions/3.100.1/bin/python");
  add(".pyenv/versions/2.7/bin/python");
  EXPECT_THAT(other_pythons(search({"3"})), ElementsAre(plain, old, young));
}

TEST_F(PythonSearchTest, LeavesOutWhatCannotRunAndFoldersThatComeTwice) {
  const fs::path python = add("a/python3.10");
  fs::permissions(add("a/python3.12"), fs::perms::owner_read);
  fs::create_directory_symlink(folder_ / "a", folder_ / "b");
  EXPECT_THAT(other_pythons(search({"3.10", "3.12"})), ElementsAre(python));
}

TEST_F(PythonSearchTest, TakesTheFirstThatDoes) {
  add("a/python3.10");
  const fs::path right = add("b/python3.12");
  const auto probe = [](const fs::path& python) {
    if (python.filename() == "python3.10") throw Error(Kind::kEnvironment, "has no package");
    return python.string();
  };
  EXPECT_EQ(first_python(search({"3.10", "3.12"}), probe), right.string());
  fs::remove(right);
  EXPECT_EQ(first_python(search({"3.10", "3.12"}), probe), std::nullopt);
}

TEST_F(PythonSearchTest, LooksAtNoOtherThanTheNamedOne) {
  add("a/python3.10");
  ::setenv("ETALON_TEST_PYTHON", "/named/python", 1);
  EXPECT_EQ(first_python(search({"3.10"}), [](const fs::path& python) { return python; }),
            fs::path("/named/python"));
  EXPECT_EQ(message_of([&] {
              first_python(search({"3.10"}), [](const fs::path& python) -> int {
                throw Error(Kind::kEnvironment, "no package in " + python.filename().string());
              });
            }),
            "no package in python, in ETALON_TEST_PYTHON '/named/python' (install it)");
}

TEST_F(PythonSearchTest, TellsWhereItLooked) {
  EXPECT_THAT(looked_at(search({"3.8", "3.10", "3.12"})),
              testing::MatchesRegex("ETALON_TEST_PYTHON, .*/set_up/bin/python, python3.8, python3.10 and "
                                    "python3.12 on PATH, ~/.pyenv/versions"));
  EXPECT_EQ(looked_at({"V", "", {"3"}, ""}), "V, python3 on PATH, ~/.pyenv/versions");
}

}  // namespace
}  // namespace etalon
