//! Where an image goes.
// SPDX-License-Identifier: BSD-2-Clause
