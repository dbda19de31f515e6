//! One deployment, checked whole.
// SPDX-License-Identifier: BSD-2-Clause
