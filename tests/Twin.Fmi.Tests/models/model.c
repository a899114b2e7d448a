/* Models to try a host with, as FMI 2.0 (-DFMI=2) or FMI 3.0 (-DFMI=3). KIND says which:
   0 decay:    x' = u - k x, steps exactly for a constant u (so its only error is the master's);
   1 ball:     h'' = -9.81, bounces with e = 0.7 and stops, exactly from bounce to bounce;
   2 crasher:  writes through a null pointer in the step that passes t = 0.5;
   3 hanger:   never returns from the step that passes t = 0.5;
   4 picky:    as decay, but discards steps longer than 0.03;
   5 talker:   as decay, but prints to standard output in every step;
   6 refuser:  answers the step that passes t = 0.5 with an error and a message;
   7 ender:    asks to end in the step that passes t = 0.5.
   References: 0 time, 1 x (or height), 2 u (input), 3 k, 4 steps (whole), 5 isDown (truth), 6 label (text), 7 v. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { double time, x, u, k, v; int32_t steps; bool isDown; } State;
typedef struct { State s; char label[64]; void* logger; void* environment; int isEnd; double last; } Model;

#define GUID "{6d6f6465-6c20-746f-2074-727920697431}"
enum { OK = 0, DISCARD = 2, ERROR = 3 };

static int advance(Model* m, double t, double h, bool* end) {
  State* s = &m->s;
  bool passes = t < 0.5 && t + h >= 0.5 - 1e-12;
  *end = false;
  if (KIND == 4 && h > 0.03) { m->last = t; return DISCARD; }
  if (KIND == 2 && passes) { volatile int* nowhere = (volatile int*)(uintptr_t)(s->steps - s->steps); *nowhere = 1; }
  if (KIND == 3 && passes) for (;;) pause();
  if (KIND == 5) { printf("step %d\n", s->steps); fflush(stdout); }
  if (KIND == 6 && passes) return ERROR;
  if (KIND == 7 && passes) *end = true;
  s->steps++;
  s->time = t + h;
  if (KIND == 1) {
    double left = h;
    while (left > 0 && !s->isDown) {
      double hit = (s->v + sqrt(s->v * s->v + 2 * 9.81 * (s->x > 0 ? s->x : 0))) / 9.81;
      if (hit > left) { s->x += s->v * left - 9.81 * left * left / 2; s->v -= 9.81 * left; break; }
      left -= hit;
      s->x = 0;
      s->v = -0.7 * (s->v - 9.81 * hit);
      if (s->v < 0.1) { s->v = 0; s->isDown = true; }
    }
  } else {
    double e = exp(-s->k * h);
    s->x = s->x * e + (s->k == 0 ? s->u * h : s->u / s->k * (1 - e));
  }
  return OK;
}

static Model* make(const char* token, void* logger, void* environment) {
  if (strcmp(token, GUID) != 0) return NULL;
  Model* m = calloc(1, sizeof *m);
  m->s.x = 1;
  m->s.k = 1;
  strcpy(m->label, "unnamed");
  m->logger = logger;
  m->environment = environment;
  return m;
}

static double* real(Model* m, uint32_t r) {
  switch (r) { case 0: return &m->s.time; case 1: return &m->s.x; case 2: return &m->s.u; case 3: return &m->s.k; case 7: return &m->s.v; default: return NULL; }
}

#define EACH for (size_t i = 0; i < n; i++)

#if FMI == 2
typedef struct { void (*log)(void*, const char*, int, const char*, const char*, ...); void* (*alloc)(size_t, size_t); void (*release)(void*); void* finished; void* environment; } Callbacks;
void* fmi2Instantiate(const char* name, int type, const char* token, const char* place, const Callbacks* c, int visible, int logging) {
  return type == 1 && strncmp(place, "file://", 7) == 0 ? make(token, (void*)c->log, c->environment) : NULL;
}
void fmi2FreeInstance(void* m) { free(m); }
int fmi2SetupExperiment(Model* m, int hasTol, double tol, double start, int hasStop, double stop) { m->s.time = start; return OK; }
int fmi2EnterInitializationMode(Model* m) { return OK; }
int fmi2ExitInitializationMode(Model* m) { return OK; }
int fmi2Terminate(Model* m) { return OK; }
int fmi2GetReal(Model* m, const uint32_t* r, size_t n, double* v) { EACH { double* p = real(m, r[i]); if (!p) return ERROR; v[i] = *p; } return OK; }
int fmi2SetReal(Model* m, const uint32_t* r, size_t n, const double* v) { EACH { double* p = real(m, r[i]); if (!p) return ERROR; *p = v[i]; } return OK; }
int fmi2GetInteger(Model* m, const uint32_t* r, size_t n, int* v) { EACH { if (r[i] != 4) return ERROR; v[i] = m->s.steps; } return OK; }
int fmi2SetInteger(Model* m, const uint32_t* r, size_t n, const int* v) { EACH { if (r[i] != 4) return ERROR; m->s.steps = v[i]; } return OK; }
int fmi2GetBoolean(Model* m, const uint32_t* r, size_t n, int* v) { EACH { if (r[i] != 5) return ERROR; v[i] = m->s.isDown; } return OK; }
int fmi2SetBoolean(Model* m, const uint32_t* r, size_t n, const int* v) { EACH { if (r[i] != 5) return ERROR; m->s.isDown = v[i]; } return OK; }
int fmi2GetString(Model* m, const uint32_t* r, size_t n, const char** v) { EACH { if (r[i] != 6) return ERROR; v[i] = m->label; } return OK; }
int fmi2SetString(Model* m, const uint32_t* r, size_t n, const char* const* v) { EACH { if (r[i] != 6) return ERROR; strncpy(m->label, v[i], 63); } return OK; }
int fmi2DoStep(Model* m, double t, double h, int noGoingBack) {
  bool end;
  int status = advance(m, t, h, &end);
  if (status == ERROR) ((void (*)(void*, const char*, int, const char*, const char*, ...))m->logger)(m->environment, "m", ERROR, "logStatusError", "the gearbox is on fire");
  if (end) { m->isEnd = 1; m->last = t + h; return DISCARD; }
  return status;
}
int fmi2GetRealStatus(Model* m, int kind, double* v) { *v = m->last; return kind == 2 ? OK : DISCARD; }
int fmi2GetBooleanStatus(Model* m, int kind, int* v) { *v = m->isEnd; return kind == 3 ? OK : DISCARD; }
int fmi2GetFMUstate(Model* m, void** s) { if (!*s) *s = malloc(sizeof(State)); memcpy(*s, &m->s, sizeof(State)); return OK; }
int fmi2SetFMUstate(Model* m, void* s) { memcpy(&m->s, s, sizeof(State)); return OK; }
int fmi2FreeFMUstate(Model* m, void** s) { free(*s); *s = NULL; return OK; }
#else
void* fmi3InstantiateCoSimulation(const char* name, const char* token, const char* place, bool visible, bool logging, bool events, bool early, const uint32_t* r, size_t n, void* environment, void* log, void* update) {
  return make(token, log, environment);
}
void fmi3FreeInstance(void* m) { free(m); }
int fmi3EnterInitializationMode(Model* m, bool hasTol, double tol, double start, bool hasStop, double stop) { m->s.time = start; return OK; }
int fmi3ExitInitializationMode(Model* m) { return OK; }
int fmi3Terminate(Model* m) { return OK; }
int fmi3GetFloat64(Model* m, const uint32_t* r, size_t n, double* v, size_t nv) { EACH { double* p = real(m, r[i]); if (!p || nv != n) return ERROR; v[i] = *p; } return OK; }
int fmi3SetFloat64(Model* m, const uint32_t* r, size_t n, const double* v, size_t nv) { EACH { double* p = real(m, r[i]); if (!p || nv != n) return ERROR; *p = v[i]; } return OK; }
int fmi3GetInt32(Model* m, const uint32_t* r, size_t n, int32_t* v, size_t nv) { EACH { if (r[i] != 4 || nv != n) return ERROR; v[i] = m->s.steps; } return OK; }
int fmi3SetInt32(Model* m, const uint32_t* r, size_t n, const int32_t* v, size_t nv) { EACH { if (r[i] != 4 || nv != n) return ERROR; m->s.steps = v[i]; } return OK; }
int fmi3GetBoolean(Model* m, const uint32_t* r, size_t n, bool* v, size_t nv) { EACH { if (r[i] != 5 || nv != n) return ERROR; v[i] = m->s.isDown; } return OK; }
int fmi3SetBoolean(Model* m, const uint32_t* r, size_t n, const bool* v, size_t nv) { EACH { if (r[i] != 5 || nv != n) return ERROR; m->s.isDown = v[i]; } return OK; }
int fmi3GetString(Model* m, const uint32_t* r, size_t n, const char** v, size_t nv) { EACH { if (r[i] != 6 || nv != n) return ERROR; v[i] = m->label; } return OK; }
int fmi3SetString(Model* m, const uint32_t* r, size_t n, const char* const* v, size_t nv) { EACH { if (r[i] != 6 || nv != n) return ERROR; strncpy(m->label, v[i], 63); } return OK; }
int fmi3DoStep(Model* m, double t, double h, bool noGoingBack, bool* event, bool* end, bool* early, double* last) {
  *event = *early = false;
  int status = advance(m, t, h, end);
  *last = status == OK ? t + h : t;
  if (status == ERROR) ((void (*)(void*, int, const char*, const char*))m->logger)(m->environment, ERROR, "logStatusError", "the gearbox is on fire");
  return status;
}
int fmi3GetFMUState(Model* m, void** s) { if (!*s) *s = malloc(sizeof(State)); memcpy(*s, &m->s, sizeof(State)); return OK; }
int fmi3SetFMUState(Model* m, void* s) { memcpy(&m->s, s, sizeof(State)); return OK; }
int fmi3FreeFMUState(Model* m, void** s) { free(*s); *s = NULL; return OK; }
#endif
