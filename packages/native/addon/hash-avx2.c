// Eight lanes, with AVX2.
#include "kernels.h"
#include "transpose-8.h"

#define HASH_LANES hash_avx2
#define V __m256i
#define LOAD_STATE(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE_STATE(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define SET1(k) _mm256_set1_epi32((int)(k))
#define ADD _mm256_add_epi32
#define XOR3(x, y, z) _mm256_xor_si256(_mm256_xor_si256(x, y), z)
#define CHOOSE(x, y, z) _mm256_xor_si256(z, _mm256_and_si256(x, _mm256_xor_si256(y, z)))
#define MAJORITY(x, y, z) _mm256_or_si256(_mm256_and_si256(x, y), _mm256_and_si256(z, _mm256_or_si256(x, y)))
#define ROTATE(x, by) _mm256_or_si256(_mm256_srli_epi32(x, by), _mm256_slli_epi32(x, 32 - (by)))
#define SHIFT _mm256_srli_epi32
#define LOAD_BLOCK load_block_8
#include "hash-lanes.h"
