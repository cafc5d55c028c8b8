// Sixteen lanes, with AVX-512.
#include <immintrin.h>
#include "kernels.h"

/** Sixteen words of each of sixteen lanes: 4 × 4 within the parts of 128 bits, then the parts. */
static inline void load_block_16(__m512i *w, const uint8_t *const *in, size_t at) {
  const __m512i swap = _mm512_broadcast_i32x4(_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
  __m512i row[16], pair[16], four[16];
  for (unsigned l = 0; l < 16; l += 1) {
    row[l] = _mm512_shuffle_epi8(_mm512_loadu_si512((const void *)(in[l] + at)), swap);
  }
  for (unsigned l = 0; l < 16; l += 2) {
    pair[l] = _mm512_unpacklo_epi32(row[l], row[l + 1]);
    pair[l + 1] = _mm512_unpackhi_epi32(row[l], row[l + 1]);
  }
  // four[l + k], of lanes l to l + 3: in part p, word 4p + k of each.
  for (unsigned l = 0; l < 16; l += 4) {
    four[l] = _mm512_unpacklo_epi64(pair[l], pair[l + 2]);
    four[l + 1] = _mm512_unpackhi_epi64(pair[l], pair[l + 2]);
    four[l + 2] = _mm512_unpacklo_epi64(pair[l + 1], pair[l + 3]);
    four[l + 3] = _mm512_unpackhi_epi64(pair[l + 1], pair[l + 3]);
  }
  for (unsigned k = 0; k < 4; k += 1) {
    const __m512i low1 = _mm512_shuffle_i32x4(four[k], four[4 + k], 0x44);
    const __m512i high1 = _mm512_shuffle_i32x4(four[k], four[4 + k], 0xee);
    const __m512i low2 = _mm512_shuffle_i32x4(four[8 + k], four[12 + k], 0x44);
    const __m512i high2 = _mm512_shuffle_i32x4(four[8 + k], four[12 + k], 0xee);
    w[k] = _mm512_shuffle_i32x4(low1, low2, 0x88);
    w[4 + k] = _mm512_shuffle_i32x4(low1, low2, 0xdd);
    w[8 + k] = _mm512_shuffle_i32x4(high1, high2, 0x88);
    w[12 + k] = _mm512_shuffle_i32x4(high1, high2, 0xdd);
  }
}

#define HASH_LANES hash_avx512
#define V __m512i
#define LOAD_STATE(p) _mm512_loadu_si512((const void *)(p))
#define STORE_STATE(p, v) _mm512_storeu_si512((void *)(p), v)
#define SET1(k) _mm512_set1_epi32((int)(k))
#define ADD _mm512_add_epi32
// The last argument is the function's table of truth.
#define XOR3(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0x96)
#define CHOOSE(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xca)
#define MAJORITY(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xe8)
#define ROTATE _mm512_ror_epi32
#define SHIFT _mm512_srli_epi32
#define LOAD_BLOCK load_block_16
#include "hash-lanes.h"
