// What the kernels of one instruction set have to bring, and what they share.
#ifndef GRANARY_KERNELS_H
#define GRANARY_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define BLOCK_BYTES 64
#define STATE_WORDS 8
#define LANES_MAX 16
#define DATA_FRAGMENTS 4
#define PARITY_FRAGMENTS 8
/** Parity is made in pairs of rows: (4,5), (6,7), (8,9), (10,11). */
#define PARITY_PAIRS 4
/** Products of one factor with 0..15, and with 0·16..15·16. */
#define TABLE_BYTES 32

/** The first words of SHA-256's state, and its round constants: FIPS 180-4, 5.3.3 and 4.2.2. */
extern const uint32_t sha256_initial[STATE_WORDS];
extern const uint32_t sha256_constants[64];

/**
 * Puts `blocks` blocks of each lane's bytes into its state. Word w of lane l is states[w * LANES_MAX + l]. Each lane has
 * bytes to read: one that is not needed may read another's, and its state is garbage after.
 */
typedef void HashLanes(uint32_t *states, const uint8_t *const *in, size_t blocks);

/** Products with the five constants of the additive Fourier transform, and the constants. */
typedef struct {
  uint8_t outer1[TABLE_BYTES], even1[TABLE_BYTES], outer2[TABLE_BYTES], even2[TABLE_BYTES], odd2[TABLE_BYTES];
} EncodeTables;

/** Both rows of each pair of parity whose first place is not null, of four strings of data. Multiples of 64 bytes. */
typedef void Encode(const EncodeTables *tables, const uint8_t *const data[DATA_FRAGMENTS],
                    uint8_t *const parity[PARITY_FRAGMENTS], size_t bytes);

#define HASHERS_MAX 2

typedef struct {
  const char *name;
  /** Whether processor and system have what the kernels use. */
  int (*is_supported)(void);
  /** Narrow before wide: the first that has room for all lanes takes the least time for a block of each. */
  struct {
    unsigned lanes;
    HashLanes *hash;
  } hashers[HASHERS_MAX];
  Encode *encode;
} Engine;

extern HashLanes hash_plain, hash_avx2, hash_avx512vl, hash_avx512;
extern Encode encode_avx2, encode_avx512;

/** Best first. */
extern const Engine engines[];
extern const unsigned engine_count;

uint8_t gf256_multiply(uint8_t a, uint8_t b);
void gf256_table(uint8_t *table, uint8_t factor);
void make_encode_tables(EncodeTables *tables);

#endif
