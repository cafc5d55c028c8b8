// Sixteen words of each of eight lanes, from where the lanes lie to where a vector holds one word of all of them.
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

static inline void load_words_8(__m256i *w, const uint8_t *const *in, size_t at) {
  const __m256i swap = _mm256_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 3, 2, 1, 0, 7, 6, 5, 4, 11,
                                        10, 9, 8, 15, 14, 13, 12);
  __m256i row[8], pair[8], four[8];
  for (unsigned l = 0; l < 8; l += 1) {
    row[l] = _mm256_shuffle_epi8(_mm256_loadu_si256((const __m256i *)(in[l] + at)), swap);
  }
  for (unsigned l = 0; l < 8; l += 2) {
    pair[l] = _mm256_unpacklo_epi32(row[l], row[l + 1]);
    pair[l + 1] = _mm256_unpackhi_epi32(row[l], row[l + 1]);
  }
  for (unsigned l = 0; l < 8; l += 4) {
    four[l] = _mm256_unpacklo_epi64(pair[l], pair[l + 2]);
    four[l + 1] = _mm256_unpackhi_epi64(pair[l], pair[l + 2]);
    four[l + 2] = _mm256_unpacklo_epi64(pair[l + 1], pair[l + 3]);
    four[l + 3] = _mm256_unpackhi_epi64(pair[l + 1], pair[l + 3]);
  }
  for (unsigned word = 0; word < 4; word += 1) {
    w[word] = _mm256_permute2x128_si256(four[word], four[word + 4], 0x20);
    w[word + 4] = _mm256_permute2x128_si256(four[word], four[word + 4], 0x31);
  }
}

static inline void load_block_8(__m256i *w, const uint8_t *const *in, size_t at) {
  load_words_8(w, in, at);
  load_words_8(w + 8, in, at + 32);
}
