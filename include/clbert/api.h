/* SPDX-License-Identifier: Apache-2.0 */
/* What every public header begins with: exported symbols, C linkage for C++, the version. */
#ifndef CLBERT_API_H
#define CLBERT_API_H

#if defined(__GNUC__)
#define CLB_API __attribute__((visibility("default")))
#else
#define CLB_API
#endif

#ifdef __cplusplus
#define CLB_BEGIN_DECLS extern "C" {
#define CLB_END_DECLS }
#else
#define CLB_BEGIN_DECLS
#define CLB_END_DECLS
#endif

/* The version of these headers; clb_version() is that of the library which is linked. */
#define CLB_VERSION_MAJOR 0
#define CLB_VERSION_MINOR 2
#define CLB_VERSION_PATCH 0

CLB_BEGIN_DECLS

/* "0.2.0". Never fails, never freed. */
CLB_API const char *clb_version(void);

CLB_END_DECLS

#endif
