//! What the world hears of a deployment while it runs.
// SPDX-License-Identifier: BSD-2-Clause
