// The face towards JavaScript: what comes in is checked here, and nowhere behind.
#define NAPI_VERSION 8
#include <node_api.h>
#include <stdlib.h>

#include "hash.h"

/** Longer lists are not needed, and would only bind memory. */
#define STRINGS_MAX 4096

#define THROW(env, message)                         \
  do {                                              \
    napi_throw_type_error(env, NULL, message);      \
    return NULL;                                    \
  } while (0)

/** Bytes of a Uint8Array. False where it is none; an exception is not thrown here. */
static int bytes_of(napi_env env, napi_value value, uint8_t **at, size_t *bytes) {
  bool is_typed = false;
  if (napi_is_typedarray(env, value, &is_typed) != napi_ok || !is_typed) return 0;
  napi_typedarray_type type;
  void *data = NULL;
  if (napi_get_typedarray_info(env, value, &type, bytes, &data, NULL, NULL) != napi_ok) return 0;
  *at = data;
  return type == napi_uint8_array && (data != NULL || *bytes == 0);
}

typedef struct {
  const uint8_t **at;
  size_t *bytes;
  uint32_t count;
} Strings;

static void free_strings(Strings *strings) {
  free(strings->at);
  free(strings->bytes);
}

/** A list of Uint8Arrays. False, and nothing to be freed, where it is none, too long, or there is no memory for it. */
static int strings_of(napi_env env, napi_value list, Strings *strings) {
  bool is_array = false;
  if (napi_is_array(env, list, &is_array) != napi_ok || !is_array) return 0;
  if (napi_get_array_length(env, list, &strings->count) != napi_ok || strings->count > STRINGS_MAX) return 0;
  strings->at = calloc(strings->count + 1, sizeof *strings->at);
  strings->bytes = calloc(strings->count + 1, sizeof *strings->bytes);
  int is_good = strings->at != NULL && strings->bytes != NULL;
  for (uint32_t i = 0; is_good && i < strings->count; i += 1) {
    napi_value one;
    uint8_t *at;
    is_good = napi_get_element(env, list, i, &one) == napi_ok && bytes_of(env, one, &at, &strings->bytes[i]);
    if (is_good) strings->at[i] = at;
  }
  if (!is_good) free_strings(strings);
  return is_good;
}

/** Asked at every call: an engine runs only where processor and system have what it needs. */
static const Engine *engine_of(napi_env env, napi_value value) {
  uint32_t index;
  if (napi_get_value_uint32(env, value, &index) != napi_ok || index >= engine_count) return NULL;
  return engines[index].is_supported() ? &engines[index] : NULL;
}

/** What both calls take: an engine's index, a list of strings, and room for digests. */
typedef struct {
  const Engine *engine;
  Strings strings;
  uint8_t *digests;
  size_t digest_bytes;
} Call;

static const char *read_call(napi_env env, napi_callback_info info, Call *call) {
  size_t count = 3;
  napi_value values[3];
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count != 3) return "three arguments";
  call->engine = engine_of(env, values[0]);
  if (call->engine == NULL) return "an engine that this processor can run";
  if (!bytes_of(env, values[2], &call->digests, &call->digest_bytes)) return "a Uint8Array for digests";
  if (!strings_of(env, values[1], &call->strings)) return "a list of Uint8Arrays";
  return NULL;
}

/** hashEach(engine, strings, digests) */
static napi_value call_hash_each(napi_env env, napi_callback_info info) {
  Call call;
  const char *wanted = read_call(env, info, &call);
  if (wanted != NULL) THROW(env, wanted);
  const int fits = call.digest_bytes == (size_t)call.strings.count * DIGEST_BYTES;
  if (fits) hash_each(call.engine, call.strings.at, call.strings.bytes, call.strings.count, call.digests);
  free_strings(&call.strings);
  if (!fits) THROW(env, "32 bytes for each digest");
  return NULL;
}

static const char *check_segments(const Call *call, unsigned segments) {
  const Strings *data = &call->strings;
  if (segments == 0 || segments > group_max(call->engine)) return "as many segments as the engine takes together";
  if (data->count != segments * DATA_FRAGMENTS) return "four data fragments of each segment";
  if (data->bytes[0] == 0 || data->bytes[0] % BLOCK_BYTES != 0) return "fragments of a positive multiple of 64 bytes";
  for (uint32_t i = 1; i < data->count; i += 1) {
    if (data->bytes[i] != data->bytes[0]) return "fragments of one length";
  }
  if (call->digest_bytes != (size_t)segments * DIGESTS_PER_SEGMENT * DIGEST_BYTES) return "32 bytes for each digest";
  return NULL;
}

/** hashSegments(engine, data fragments, digests): the seconds that coding took */
static napi_value call_hash_segments(napi_env env, napi_callback_info info) {
  Call call;
  const char *wanted = read_call(env, info, &call);
  if (wanted != NULL) THROW(env, wanted);
  const unsigned segments = call.strings.count / DATA_FRAGMENTS;
  wanted = check_segments(&call, segments);
  double seconds = 0;
  if (wanted == NULL) {
    seconds = hash_segments(call.engine, call.strings.at, segments, call.strings.bytes[0], call.digests);
    if (seconds < 0) wanted = "memory for the tiles of parity";
  }
  free_strings(&call.strings);
  if (wanted != NULL) THROW(env, wanted);
  napi_value result;
  return napi_create_double(env, seconds, &result) == napi_ok ? result : NULL;
}

/** { index, name, groupMax } of an engine */
static napi_status describe(napi_env env, unsigned index, napi_value *result) {
  napi_value number, name, group;
  napi_status status = napi_create_object(env, result);
  if (status == napi_ok) status = napi_create_uint32(env, index, &number);
  if (status == napi_ok) status = napi_set_named_property(env, *result, "index", number);
  if (status == napi_ok) status = napi_create_string_utf8(env, engines[index].name, NAPI_AUTO_LENGTH, &name);
  if (status == napi_ok) status = napi_set_named_property(env, *result, "name", name);
  if (status == napi_ok) status = napi_create_uint32(env, group_max(&engines[index]), &group);
  if (status == napi_ok) status = napi_set_named_property(env, *result, "groupMax", group);
  return status;
}

/** engines(): those that this processor can run, best first */
static napi_value call_engines(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value list, one;
  if (napi_create_array(env, &list) != napi_ok) return NULL;
  uint32_t count = 0;
  for (unsigned index = 0; index < engine_count; index += 1) {
    if (!engines[index].is_supported()) continue;
    if (describe(env, index, &one) != napi_ok || napi_set_element(env, list, count, one) != napi_ok) return NULL;
    count += 1;
  }
  return list;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor calls[] = {
      {"engines", NULL, call_engines, NULL, NULL, NULL, napi_enumerable, NULL},
      {"hashEach", NULL, call_hash_each, NULL, NULL, NULL, napi_enumerable, NULL},
      {"hashSegments", NULL, call_hash_segments, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  return napi_define_properties(env, exports, sizeof calls / sizeof *calls, calls) == napi_ok ? exports : NULL;
}
