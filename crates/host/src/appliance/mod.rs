//! The helper VM's files: kernel, initramfs and the manifest that binds them.
// SPDX-License-Identifier: BSD-2-Clause
