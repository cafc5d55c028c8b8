// Eight lanes, with the rotations and three-way functions of AVX-512 on vectors of AVX2's width.
#include "kernels.h"
#include "transpose-8.h"

#define HASH_LANES hash_avx512vl
#define V __m256i
#define LOAD_STATE(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE_STATE(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define SET1(k) _mm256_set1_epi32((int)(k))
#define ADD _mm256_add_epi32
// The last argument is the function's table of truth.
#define XOR3(x, y, z) _mm256_ternarylogic_epi32(x, y, z, 0x96)
#define CHOOSE(x, y, z) _mm256_ternarylogic_epi32(x, y, z, 0xca)
#define MAJORITY(x, y, z) _mm256_ternarylogic_epi32(x, y, z, 0xe8)
#define ROTATE _mm256_ror_epi32
#define SHIFT _mm256_srli_epi32
#define LOAD_BLOCK load_block_8
#include "hash-lanes.h"
