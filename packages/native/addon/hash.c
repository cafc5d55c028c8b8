#define _POSIX_C_SOURCE 200112L
#include "hash.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/** Bytes of each fragment that are coded and then hashed: what fits the second-level cache. */
#define TILE_BYTES 8192
/** Not a multiple of a page: equal offsets in all tiles would compete for the same lines of the cache. */
#define TILE_STRIDE (TILE_BYTES + 64)

typedef struct {
  uint32_t words[STATE_WORDS];
} State;

static State initial_state(void) {
  State state;
  memcpy(state.words, sha256_initial, sizeof state.words);
  return state;
}

/** Puts so many blocks of each lane's bytes into its state. */
static void hash_blocks(const Engine *engine, State *const *states, const uint8_t *const *in, unsigned lanes,
                        size_t blocks) {
  const unsigned way = lanes <= engine->hashers[0].lanes ? 0 : 1;
  const unsigned width = engine->hashers[way].lanes;
  uint32_t words[STATE_WORDS * LANES_MAX];
  const uint8_t *from[LANES_MAX];
  for (unsigned lane = 0; lane < width; lane += 1) {
    // A lane that nobody needs does what the first one does.
    const unsigned whose = lane < lanes ? lane : 0;
    from[lane] = in[whose];
    for (unsigned word = 0; word < STATE_WORDS; word += 1) {
      words[word * LANES_MAX + lane] = states[whose]->words[word];
    }
  }
  engine->hashers[way].hash(words, from, blocks);
  for (unsigned lane = 0; lane < lanes; lane += 1) {
    for (unsigned word = 0; word < STATE_WORDS; word += 1) {
      states[lane]->words[word] = words[word * LANES_MAX + lane];
    }
  }
}

/** The end of a string of `bytes`, of which `rest` holds what is behind its last whole block: FIPS 180-4, 5.1.1. */
static void finish(const Engine *engine, State state, const uint8_t *rest, size_t bytes, uint8_t *digest) {
  uint8_t end[2 * BLOCK_BYTES] = {0};
  const size_t left = bytes % BLOCK_BYTES;
  if (left > 0) memcpy(end, rest, left);
  end[left] = 0x80;
  const size_t blocks = left < BLOCK_BYTES - 8 ? 1 : 2;
  const uint64_t bits = (uint64_t)bytes * 8;
  for (unsigned k = 0; k < 8; k += 1) end[blocks * BLOCK_BYTES - 1 - k] = (uint8_t)(bits >> (8 * k));
  State *states[] = {&state};
  const uint8_t *in[] = {end};
  hash_blocks(engine, states, in, 1, blocks);
  for (unsigned k = 0; k < DIGEST_BYTES; k += 1) digest[k] = (uint8_t)(state.words[k / 4] >> (24 - 8 * (k % 4)));
}

void hash_each(const Engine *engine, const uint8_t *const *in, const size_t *bytes, size_t count, uint8_t *digests) {
  const unsigned width = engine->hashers[HASHERS_MAX - 1].lanes;
  State own[LANES_MAX];
  State *states[LANES_MAX];
  const uint8_t *at[LANES_MAX];
  size_t string[LANES_MAX], blocks[LANES_MAX];
  unsigned lanes = 0;
  for (unsigned lane = 0; lane < LANES_MAX; lane += 1) states[lane] = &own[lane];
  for (size_t next = 0; next < count || lanes > 0;) {
    for (; lanes < width && next < count; lanes += 1, next += 1) {
      *states[lanes] = initial_state();
      at[lanes] = in[next];
      string[lanes] = next;
      blocks[lanes] = bytes[next] / BLOCK_BYTES;
    }
    size_t step = blocks[0];
    for (unsigned lane = 1; lane < lanes; lane += 1) step = blocks[lane] < step ? blocks[lane] : step;
    if (step > 0) hash_blocks(engine, states, at, lanes, step);
    for (unsigned lane = 0; lane < lanes; lane += 1) {
      at[lane] += step * BLOCK_BYTES;
      blocks[lane] -= step;
    }
    for (unsigned lane = lanes; lane-- > 0;) {
      if (blocks[lane] > 0) continue;
      finish(engine, *states[lane], at[lane], bytes[string[lane]], digests + string[lane] * DIGEST_BYTES);
      // The last lane takes the place of the one that is done.
      lanes -= 1;
      *states[lane] = *states[lanes];
      at[lane] = at[lanes];
      string[lane] = string[lanes];
      blocks[lane] = blocks[lanes];
    }
  }
}

unsigned group_max(const Engine *engine) {
  return engine->hashers[HASHERS_MAX - 1].lanes / DATA_FRAGMENTS;
}

/** What a lane hashes in a pass: a fragment of a segment by its row, or the segment itself. */
typedef struct {
  unsigned segment, row;
} Lane;
#define SEGMENT_ITSELF FRAGMENTS
#define FRAGMENTS (DATA_FRAGMENTS + PARITY_FRAGMENTS)

/** A group of segments, and which of their rows have not been given a lane yet. */
typedef struct {
  unsigned segments, width;
  unsigned data_given, pairs_given;
} Plan;

/**
 * The lanes of a pass: a pass goes over one fragment's length. A segment's own hash needs four passes, one for each of
 * its data fragments; in the first it is what the hash of fragment 0 is, up to that one's end. Everything else fills the
 * lanes that are left: other data fragments, then parity, of which two neighbouring rows are made together.
 */
static unsigned plan_pass(Plan *plan, unsigned pass, Lane *lanes) {
  unsigned count = 0;
  for (unsigned segment = 0; segment < plan->segments; segment += 1) {
    lanes[count++] = (Lane){segment, pass == 0 ? 0 : SEGMENT_ITSELF};
  }
  for (; count < plan->width && plan->data_given < plan->segments * (DATA_FRAGMENTS - 1); plan->data_given += 1) {
    lanes[count++] = (Lane){plan->data_given / (DATA_FRAGMENTS - 1), 1 + plan->data_given % (DATA_FRAGMENTS - 1)};
  }
  for (; count + 2 <= plan->width && plan->pairs_given < plan->segments * PARITY_PAIRS; plan->pairs_given += 1) {
    const unsigned row = DATA_FRAGMENTS + 2 * (plan->pairs_given % PARITY_PAIRS);
    lanes[count++] = (Lane){plan->pairs_given / PARITY_PAIRS, row};
    lanes[count++] = (Lane){plan->pairs_given / PARITY_PAIRS, row + 1};
  }
  return count;
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

typedef struct {
  const Engine *engine;
  const EncodeTables *tables;
  const uint8_t *const *data;
  unsigned segments;
  size_t bytes;
  /** Room for a tile of each lane. */
  uint8_t *room;
  State states[GROUP_MAX][DIGESTS_PER_SEGMENT];
  double coding_seconds;
} Group;

/** Makes a tile of the parity that these lanes hash, each in its lane's room. */
static void code_tile(Group *group, const Lane *lanes, unsigned count, size_t at, size_t bytes) {
  const double started_at = seconds_now();
  uint8_t *parity[GROUP_MAX][PARITY_FRAGMENTS] = {{NULL}};
  int is_wanted[GROUP_MAX] = {0};
  for (unsigned lane = 0; lane < count; lane += 1) {
    const unsigned row = lanes[lane].row;
    if (row < DATA_FRAGMENTS || row == SEGMENT_ITSELF) continue;
    parity[lanes[lane].segment][row - DATA_FRAGMENTS] = group->room + lane * TILE_STRIDE;
    is_wanted[lanes[lane].segment] = 1;
  }
  for (unsigned segment = 0; segment < group->segments; segment += 1) {
    if (!is_wanted[segment]) continue;
    const uint8_t *data[DATA_FRAGMENTS];
    for (unsigned k = 0; k < DATA_FRAGMENTS; k += 1) data[k] = group->data[segment * DATA_FRAGMENTS + k] + at;
    group->engine->encode(group->tables, data, parity[segment], bytes);
  }
  group->coding_seconds += seconds_now() - started_at;
}

static void run_pass(Group *group, unsigned pass, const Lane *lanes, unsigned count) {
  State *states[LANES_MAX];
  for (unsigned lane = 0; lane < count; lane += 1) states[lane] = &group->states[lanes[lane].segment][lanes[lane].row];
  for (size_t at = 0; at < group->bytes; at += TILE_BYTES) {
    const size_t bytes = group->bytes - at < TILE_BYTES ? group->bytes - at : TILE_BYTES;
    code_tile(group, lanes, count, at, bytes);
    const uint8_t *in[LANES_MAX];
    for (unsigned lane = 0; lane < count; lane += 1) {
      const unsigned row = lanes[lane].row;
      const uint8_t *const *data = group->data + lanes[lane].segment * DATA_FRAGMENTS;
      if (row < DATA_FRAGMENTS) in[lane] = data[row] + at;
      else if (row == SEGMENT_ITSELF) in[lane] = data[pass] + at;
      else in[lane] = group->room + lane * TILE_STRIDE;
    }
    hash_blocks(group->engine, states, in, count, bytes / BLOCK_BYTES);
  }
}

double hash_segments(const Engine *engine, const uint8_t *const *data, unsigned segments, size_t bytes,
                     uint8_t *digests) {
  EncodeTables tables;
  make_encode_tables(&tables);
  Group group = {.engine = engine, .tables = &tables, .data = data, .segments = segments, .bytes = bytes};
  group.room = malloc((size_t)LANES_MAX * TILE_STRIDE);
  if (group.room == NULL) return -1;
  for (unsigned segment = 0; segment < segments; segment += 1) {
    for (unsigned k = 0; k < DIGESTS_PER_SEGMENT; k += 1) group.states[segment][k] = initial_state();
  }
  // Few segments' chains of passes leave half of wide vectors empty.
  const unsigned narrow = 8;
  Plan plan = {.segments = segments, .width = segments * DATA_FRAGMENTS <= narrow ? narrow : LANES_MAX};
  for (unsigned pass = 0; pass < DATA_FRAGMENTS; pass += 1) {
    Lane lanes[LANES_MAX];
    run_pass(&group, pass, lanes, plan_pass(&plan, pass, lanes));
    if (pass > 0) continue;
    for (unsigned segment = 0; segment < segments; segment += 1) {
      group.states[segment][SEGMENT_ITSELF] = group.states[segment][0];
    }
  }
  for (unsigned segment = 0; segment < segments; segment += 1) {
    uint8_t *out = digests + (size_t)segment * DIGESTS_PER_SEGMENT * DIGEST_BYTES;
    finish(engine, group.states[segment][SEGMENT_ITSELF], group.room, DATA_FRAGMENTS * bytes, out);
    for (unsigned row = 0; row < FRAGMENTS; row += 1) {
      finish(engine, group.states[segment][row], group.room, bytes, out + (1 + row) * DIGEST_BYTES);
    }
  }
  free(group.room);
  return group.coding_seconds;
}
