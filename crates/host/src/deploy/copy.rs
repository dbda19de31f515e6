//! Moves an image onto a target.
// SPDX-License-Identifier: BSD-2-Clause
