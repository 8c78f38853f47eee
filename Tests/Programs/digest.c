// archives: libcrypto.a
// flags: -O2
// libraries: -ldl -lpthread
// Digests, message authentication, encryption and signatures; whatever is random is verified and not printed.

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void require(int condition, const char *what) {
  if (condition) return;
  printf("failed: %s\n", what);
  ERR_print_errors_fp(stdout);
  exit(1);
}

static void print(const char *name, const unsigned char *bytes, size_t count) {
  printf("%s: ", name);
  for (size_t i = 0; i < count; i++) printf("%02x", bytes[i]);
  putchar('\n');
}

static void digest(const char *algorithm, const unsigned char *data, size_t count) {
  unsigned char value[EVP_MAX_MD_SIZE];
  unsigned length;
  EVP_MD *method = EVP_MD_fetch(NULL, algorithm, NULL);
  require(method && EVP_Digest(data, count, value, &length, method, NULL), algorithm);
  print(algorithm, value, length);
  EVP_MD_free(method);
}

// Encrypts and decrypts; with a tag, a changed text must be refused.
static void encrypt(const char *algorithm, const unsigned char *data, int count) {
  unsigned char key[32], nonce[16], hidden[256], shown[256], tag[16];
  for (int i = 0; i < 32; i++) key[i] = i;
  for (int i = 0; i < 16; i++) nonce[i] = 100 + i;
  EVP_CIPHER *method = EVP_CIPHER_fetch(NULL, algorithm, NULL);
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  int authenticated = method && EVP_CIPHER_get_flags(method) & EVP_CIPH_FLAG_AEAD_CIPHER, part, last;
  require(method && EVP_EncryptInit_ex2(context, method, key, nonce, NULL)
            && EVP_EncryptUpdate(context, hidden, &part, data, count)
            && EVP_EncryptFinal_ex(context, hidden + part, &last), algorithm);
  int length = part + last;
  print(algorithm, hidden, length);
  if (authenticated) {
    require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag), "get tag");
    print("  tag", tag, 16);
  }
  for (int damage = 0; damage <= authenticated; damage++) {
    hidden[3] ^= damage;
    EVP_CIPHER_CTX_reset(context);
    require(EVP_DecryptInit_ex2(context, method, key, nonce, NULL), "decrypt");
    if (authenticated) EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, tag);
    EVP_DecryptUpdate(context, shown, &part, hidden, length);
    int accepted = EVP_DecryptFinal_ex(context, shown + part, &last) > 0;
    require(accepted == !damage, "accepted");
    if (accepted) require(part + last == count && memcmp(shown, data, count) == 0, "decrypted");
  }
  EVP_CIPHER_CTX_free(context);
  EVP_CIPHER_free(method);
}

// Signs `data` with `key` and verifies; a changed signature must be refused.
static void sign(const char *name, EVP_PKEY *key, const char *hash, const unsigned char *data, size_t count, int show) {
  unsigned char signature[512];
  size_t length = sizeof signature;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  require(key && EVP_DigestSignInit_ex(context, NULL, hash, NULL, NULL, key, NULL)
            && EVP_DigestSign(context, signature, &length, data, count), name);
  if (show) print(name, signature, length);
  for (int damage = 0; damage <= 1; damage++) {
    signature[length - 1] ^= damage;
    EVP_MD_CTX_reset(context);
    require(EVP_DigestVerifyInit_ex(context, NULL, hash, NULL, NULL, key, NULL), "verify");
    require((EVP_DigestVerify(context, signature, length, data, count) == 1) == !damage, "verified");
  }
  printf("%s: verified, and refused when changed\n", name);
  EVP_MD_CTX_free(context);
}

int main(void) {
  static unsigned char data[100000];
  for (size_t i = 0; i < sizeof data; i++) data[i] = i * i >> 3;
  printf("%s\n", OpenSSL_version(OPENSSL_VERSION));

  static const char *const digests[] = {"MD5", "SHA1", "SHA2-256", "SHA2-512", "SHA3-256", "BLAKE2b512", "SM3"};
  for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) digest(digests[i], data, sizeof data);

  unsigned char value[64];
  unsigned length;
  require(HMAC(EVP_sha256(), "key", 3, data, 1000, value, &length) != NULL, "HMAC");
  print("HMAC-SHA256", value, length);
  require(PKCS5_PBKDF2_HMAC("password", 8, (const unsigned char *)"salt", 4, 1000, EVP_sha512(), 32, value), "PBKDF2");
  print("PBKDF2", value, 32);

  static const char *const ciphers[] = {"AES-256-GCM", "AES-128-CBC", "AES-256-CTR", "ChaCha20-Poly1305",
                                        "CAMELLIA-256-CBC"};
  for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) encrypt(ciphers[i], data, 77);

  // Fixed keys whose signatures are always the same.
  unsigned char seed[57];
  for (int i = 0; i < 57; i++) seed[i] = 3 * i + 1;
  EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
  sign("Ed25519", key, NULL, data, 1000, 1);
  EVP_PKEY_free(key);
  key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED448, NULL, seed, 57);
  sign("Ed448", key, NULL, data, 1000, 1);
  EVP_PKEY_free(key);

  // Key agreement.
  EVP_PKEY *alice = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, seed, 32);
  EVP_PKEY *bob = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, seed + 20, 32);
  EVP_PKEY_CTX *agreement = EVP_PKEY_CTX_new(alice, NULL);
  size_t secretLength = sizeof value;
  require(EVP_PKEY_derive_init(agreement) > 0 && EVP_PKEY_derive_set_peer(agreement, bob) > 0
            && EVP_PKEY_derive(agreement, value, &secretLength) > 0, "X25519");
  print("X25519", value, secretLength);
  EVP_PKEY_CTX_free(agreement);
  EVP_PKEY_free(alice);
  EVP_PKEY_free(bob);

  // New keys.
  key = EVP_RSA_gen(2048);
  sign("RSA", key, "SHA2-256", data, 1000, 0);
  EVP_PKEY_free(key);
  key = EVP_EC_gen("P-256");
  sign("ECDSA P-256", key, "SHA2-256", data, 1000, 0);
  EVP_PKEY_free(key);
  key = EVP_EC_gen("P-521");
  sign("ECDSA P-521", key, "SHA2-512", data, 1000, 0);
  EVP_PKEY_free(key);

  BIGNUM *base = NULL, *modulus = NULL, *result = BN_new();
  BN_CTX *numbers = BN_CTX_new();
  BN_dec2bn(&base, "123456789012345678901234567890");
  BN_hex2bn(&modulus, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff00000061");
  require(BN_mod_exp(result, base, base, modulus, numbers), "BN_mod_exp");
  char *text = BN_bn2dec(result);
  printf("power: %s\n", text);
  OPENSSL_free(text);
  BN_free(base), BN_free(modulus), BN_free(result), BN_CTX_free(numbers);

  ERR_clear_error();
  printf("unknown digest: %s\n", EVP_MD_fetch(NULL, "NOSUCH", NULL) ? "found" : "refused");
  printf("%s\n", ERR_reason_error_string(ERR_get_error()));
  return 0;
}
