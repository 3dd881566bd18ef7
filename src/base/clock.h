#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
/* Monotonic seconds. */
double base_seconds(void);
#endif
