//! Defaults, and the configuration file over them.
// SPDX-License-Identifier: BSD-2-Clause
