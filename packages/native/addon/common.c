// The numbers that SHA-256 and the code are made of.
#include "kernels.h"

const uint32_t sha256_initial[STATE_WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

const uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/** In GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1. */
uint8_t gf256_multiply(uint8_t a, uint8_t b) {
  uint8_t product = 0;
  for (; b != 0; b >>= 1) {
    if (b & 1) product ^= a;
    a = (uint8_t)(a << 1) ^ (a & 0x80 ? 0x1d : 0);
  }
  return product;
}

void gf256_table(uint8_t *table, uint8_t factor) {
  for (unsigned half = 0; half < 16; half += 1) {
    table[half] = gf256_multiply(factor, (uint8_t)half);
    table[16 + half] = gf256_multiply(factor, (uint8_t)(half << 4));
  }
}

static uint8_t gf256_invert(uint8_t a) {
  // a^254: the group has 255 elements.
  uint8_t inverse = 1;
  for (int i = 0; i < 254; i += 1) inverse = gf256_multiply(inverse, a);
  return inverse;
}

/**
 * The transform's constants at a coset: with s(x) = x·(x+1), which vanishes on {0,1}, the outer one is s(coset) / s(2);
 * the inner ones are the points' own values, coset and coset + 2. Of the first coset the odd one equals the outer.
 */
void make_encode_tables(EncodeTables *tables) {
  const uint8_t inverse = gf256_invert(gf256_multiply(2, 2 ^ 1));
  gf256_table(tables->outer1, gf256_multiply(gf256_multiply(4, 4 ^ 1), inverse));
  gf256_table(tables->even1, 4);
  gf256_table(tables->outer2, gf256_multiply(gf256_multiply(8, 8 ^ 1), inverse));
  gf256_table(tables->even2, 8);
  gf256_table(tables->odd2, 8 ^ 2);
}
