//! The helper VM: command line, start, supervision, channels.
// SPDX-License-Identifier: BSD-2-Clause
