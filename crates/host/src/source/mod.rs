//! Where an image's bytes come from.
// SPDX-License-Identifier: BSD-2-Clause
