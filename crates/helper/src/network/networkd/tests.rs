//! What is written for interfaces of every kind.
// SPDX-License-Identifier: BSD-2-Clause

use super::super::testing::interfaces_of_every_kind;
use super::*;

interfaces_of_every_kind!(|nics| render(nics));
