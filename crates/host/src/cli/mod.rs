//! What can be typed.
// SPDX-License-Identifier: BSD-2-Clause
