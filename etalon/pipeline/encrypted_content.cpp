#include "etalon/pipeline/encrypted_content.hpp"

#include "etalon/base/error.hpp"
#include "etalon/workers/codec.hpp"

namespace etalon {

Bytes decrypt_with_key(ByteView encrypted, std::string_view key) {
  if (key.empty())
    throw Error(Kind::kWrongUsage, "the model is encrypted and no key was given",
                "give the key it was trained with: --key KEY");
  const auto codec = find_codec();
  if (!codec) throw_no_codec("to read an encrypted model");
  return decrypt(*codec, encrypted, key);
}

}  // namespace etalon
