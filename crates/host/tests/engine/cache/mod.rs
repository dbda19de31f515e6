//! Images from a server, kept on this node, and used again.
// SPDX-License-Identifier: BSD-2-Clause

mod commands;
mod damage;
mod node;
mod room;
mod sharing;
