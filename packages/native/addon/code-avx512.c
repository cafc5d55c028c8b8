#include <immintrin.h>
#include "kernels.h"

#define ENCODE encode_avx512
#define B __m512i
#define LOAD(p) _mm512_loadu_si512((const void *)(p))
#define STORE(p, v) _mm512_storeu_si512((void *)(p), v)
#define XOR _mm512_xor_si512
#define NIBBLE _mm512_set1_epi8(0x0f)
#define LOW(v) _mm512_and_si512(v, NIBBLE)
// Shifted as 16-bit lanes: no processor has a shift of bytes, and the mask removes what came from the neighbour.
#define HIGH(v) _mm512_and_si512(_mm512_srli_epi16(v, 4), NIBBLE)
#define LOOK_UP _mm512_shuffle_epi8
#define TABLE(p) _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(p)))
#define DOUBLE(v)                         \
  _mm512_xor_si512(_mm512_add_epi8(v, v), \
                   _mm512_maskz_mov_epi8(_mm512_movepi8_mask(v), _mm512_set1_epi8(0x1d)))
#include "code-vectors.h"
