/* What the compiled pipelines need of an operating system: scratch memory, no page faults.

   Every thread has one block of memory. A kernel takes pieces off it and gives all of them
   back before it returns; the block then starts anew, and has grown if it was too small.
   With VMAFKIT_PLAIN_MALLOC every piece is a malloc of its own, for memory checkers. */

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "HalideRuntime.h"

#define ALIGNMENT 128
#define FIRST_BYTES ((size_t)1 << 20)
#define SLACK_BYTES 256 /* vectors may read past the end */

#ifndef VMAFKIT_SOURCE_HASH
#define VMAFKIT_SOURCE_HASH "unknown"
#endif

typedef struct Arena {
    char *base;
    size_t size, top, wanted;
    long live;
} Arena;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void arena_free(void *value) {
    Arena *arena = value;
    free(arena->base);
    free(arena);
}

static void make_key(void) { pthread_key_create(&key, arena_free); }

static Arena *arena_of_thread(void) {
    pthread_once(&once, make_key);
    Arena *arena = pthread_getspecific(key);
    if (arena == NULL) {
        arena = calloc(1, sizeof *arena);
        if (arena != NULL && pthread_setspecific(key, arena) != 0) {
            free(arena);
            arena = NULL;
        }
    }
    return arena;
}

static size_t rounded(size_t size) {
    return (size + SLACK_BYTES + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void *piece_of_heap(size_t size) {
    void *piece = NULL;
    return posix_memalign(&piece, ALIGNMENT, rounded(size)) == 0 ? piece : NULL;
}

void *halide_malloc(void *context, size_t size) {
    (void)context;
#ifdef VMAFKIT_PLAIN_MALLOC
    return piece_of_heap(size);
#else
    Arena *arena = arena_of_thread();
    if (arena == NULL) return piece_of_heap(size);
    size_t need = rounded(size);
    if (arena->live == 0) {
        arena->top = 0;
        if (arena->base == NULL || arena->wanted > arena->size) {
            size_t grown = arena->wanted > FIRST_BYTES ? arena->wanted : FIRST_BYTES;
            free(arena->base);
            arena->base = NULL;
            arena->size = 0;
            if (posix_memalign((void **)&arena->base, ALIGNMENT, grown) == 0) arena->size = grown;
        }
        arena->wanted = 0;
    }
    arena->wanted += need;
    if (arena->size - arena->top < need) return piece_of_heap(size);
    char *piece = arena->base + arena->top;
    arena->top += need;
    arena->live++;
    return piece;
#endif
}

void halide_free(void *context, void *piece) {
    (void)context;
#ifdef VMAFKIT_PLAIN_MALLOC
    free(piece);
#else
    Arena *arena = piece == NULL ? NULL : arena_of_thread();
    if (arena != NULL && arena->base != NULL && (char *)piece >= arena->base &&
        (char *)piece < arena->base + arena->size) {
        arena->live--;
        return;
    }
    free(piece);
#endif
}

void halide_error(void *context, const char *message) {
    (void)context;
    (void)message;
}

const char *vmafkit_source_hash(void) { return VMAFKIT_SOURCE_HASH; }

/* Continues a plane past its edges: `low` samples before the first, `high` after the last.
   Sample -n is sample n; past the end it is the one as far on this side of the last
   sample (`repeat` 0), or of the border after it (`repeat` 1). `plane` points at (0, 0). */
void vmafkit_extend(char *plane, int64_t row_bytes, int32_t sample_bytes, int32_t width,
                    int32_t height, int32_t low, int32_t high, int32_t repeat) {
    size_t size = (size_t)sample_bytes;
    for (int32_t y = 0; y < height; y++) {
        char *row = plane + y * row_bytes;
        for (int32_t n = 1; n <= low; n++)
            memcpy(row - n * (ptrdiff_t)size, row + (n < width ? n : width - 1) * size, size);
        for (int32_t n = 0; n < high; n++) {
            int32_t from = repeat ? width - 1 - n : width - 2 - n;
            memcpy(row + (width + n) * size, row + (from > 0 ? from : 0) * size, size);
        }
    }
    char *first = plane - low * (ptrdiff_t)size;
    size_t whole = (size_t)(low + width + high) * size;
    for (int32_t n = 1; n <= low; n++)
        memcpy(first - n * row_bytes, first + (n < height ? n : height - 1) * row_bytes, whole);
    for (int32_t n = 0; n < high; n++) {
        int32_t from = repeat ? height - 1 - n : height - 2 - n;
        memcpy(first + (height + n) * row_bytes, first + (from > 0 ? from : 0) * row_bytes, whole);
    }
}

/* The same with the arguments of a step: the plane as halide_buffer_t, then the last three. */
int vmafkit_extend_argv(void **values) {
    const halide_buffer_t *plane = values[0];
    int32_t size = plane->type.bits / 8;
    vmafkit_extend((char *)plane->host, (int64_t)plane->dim[1].stride * size, size,
                   plane->dim[0].extent, plane->dim[1].extent, *(int32_t *)values[1],
                   *(int32_t *)values[2], *(int32_t *)values[3]);
    return 0;
}

typedef struct Step {
    int (*kernel)(void **);
    void **values;
} Step;

/* Makes the calls in their order; gives the first code that is not 0. */
int vmafkit_run(const Step *steps, int64_t count) {
    for (int64_t n = 0; n < count; n++) {
        int failure = steps[n].kernel(steps[n].values);
        if (failure != 0) return failure;
    }
    return 0;
}
