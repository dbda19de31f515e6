//! What is done, one file a subcommand.
// SPDX-License-Identifier: BSD-2-Clause
