// One lane, in plain words: for what is left when all others are done.
#include "kernels.h"

static inline uint32_t rotate(uint32_t x, unsigned by) {
  return x >> by | x << (32 - by);
}

static inline void load_block(uint32_t *w, const uint8_t *const *in, size_t at) {
  for (unsigned word = 0; word < 16; word += 1) {
    const uint8_t *p = in[0] + at + 4 * word;
    w[word] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
  }
}

#define HASH_LANES hash_plain
#define V uint32_t
#define LOAD_STATE(p) (*(p))
#define STORE_STATE(p, v) (*(p) = (v))
#define SET1(k) (k)
#define ADD(x, y) ((x) + (y))
#define XOR3(x, y, z) ((x) ^ (y) ^ (z))
#define CHOOSE(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define MAJORITY(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))
#define ROTATE rotate
#define SHIFT(x, by) ((x) >> (by))
#define LOAD_BLOCK load_block
#include "hash-lanes.h"
