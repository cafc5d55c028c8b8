#include <immintrin.h>
#include "kernels.h"

#define ENCODE encode_avx2
#define B __m256i
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define XOR _mm256_xor_si256
#define NIBBLE _mm256_set1_epi8(0x0f)
#define LOW(v) _mm256_and_si256(v, NIBBLE)
// Shifted as 16-bit lanes: no processor has a shift of bytes, and the mask removes what came from the neighbour.
#define HIGH(v) _mm256_and_si256(_mm256_srli_epi16(v, 4), NIBBLE)
#define LOOK_UP _mm256_shuffle_epi8
#define TABLE(p) _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(p)))
#define DOUBLE(v)                             \
  _mm256_xor_si256(_mm256_add_epi8(v, v),     \
                   _mm256_and_si256(_mm256_cmpgt_epi8(_mm256_setzero_si256(), v), _mm256_set1_epi8(0x1d)))
#include "code-vectors.h"
