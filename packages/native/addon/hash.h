// Many strings through few lanes.
#ifndef GRANARY_HASH_H
#define GRANARY_HASH_H

#include "kernels.h"

#define DIGEST_BYTES 32
/** The segment's own hash, and those of its twelve fragments. */
#define DIGESTS_PER_SEGMENT 13
/** Each of four lanes' worth of data: more would not fill more lanes. */
#define GROUP_MAX (LANES_MAX / DATA_FRAGMENTS)

/** How many segments fill all lanes of an engine. */
unsigned group_max(const Engine *engine);

/** SHA-256 of each string, of any length; digests one behind the other. */
void hash_each(const Engine *engine, const uint8_t *const *in, const size_t *bytes, size_t count, uint8_t *digests);

/**
 * Thirteen digests of each segment: its own, then its fragments' in the order of rows. `data` holds the four data
 * fragments of each of at most `group_max` segments; a fragment is a positive multiple of 64 bytes. Parity exists only a
 * tile at a time. Gives the seconds that coding took, or less than zero where there is no memory for the tiles.
 */
double hash_segments(const Engine *engine, const uint8_t *const *data, unsigned segments, size_t bytes,
                     uint8_t *digests);

#endif
