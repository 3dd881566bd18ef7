/* SPDX-License-Identifier: Apache-2.0 */
/* Chebyshev coefficients of z(t) / t over 2 t t - 1, where t = 2 u - 1 and
 * z = sqrt(2) erfinv(erf(sqrt(2)) t): what random.c and the OpenCL kernels make normal numbers of.
 */
#ifndef BASE_INVERSE_NORMAL_H
#define BASE_INVERSE_NORMAL_H

#define BASE_INVERSE_NORMAL                                                                        \
    1.48007464f, 0.358460158f, 0.100372329f, 0.035734538f, 0.0142491898f, 0.00606694166f,          \
        0.00269553484f, 0.00123387796f, 0.000577382278f, 0.000274789578f, 0.000132541769f,         \
        6.46282133e-05f, 3.17975064e-05f, 1.57631857e-05f, 7.86485271e-06f, 3.94591916e-06f

#endif
