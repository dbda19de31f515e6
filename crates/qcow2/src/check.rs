//! Whether an image can be read at all, by its header alone and before anything is allocated.
// SPDX-License-Identifier: BSD-2-Clause

use crate::header::incompatible::{COMPRESSION, CORRUPT, DIRTY, EXTENDED_L2, EXTERNAL_DATA};
use crate::{Error, Header};

/// Base-2 logarithms of the smallest and the largest cluster that QEMU makes.
const LEAST_CLUSTER_BITS: u32 = 9;
const MOST_CLUSTER_BITS: u32 = 21;

/// Subclusters are a thirty-second of a cluster, and at least a sector.
const LEAST_BITS_WITH_SUBCLUSTERS: u32 = 14;

/// Bytes of an entry in the first-level table.
const L1_ENTRY: u64 = 8;

/// The largest first-level table that QEMU opens (QCOW_MAX_L1_SIZE).
const MOST_L1_BYTES: u64 = 32 << 20;

/// What an image is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of the image's file in bytes.
    pub file: u64,
    /// Largest virtual disk that has room, in bytes.
    pub virtual_size: u64,
}

impl Header {
    /// Looks whether the image can be read whole and from its own bytes alone.
    ///
    /// # Errors
    /// When it refers to another file, is encrypted, marked as corrupt, needs features that are
    /// not known, does not fit the limits, or when its numbers cannot be true. Of several
    /// reasons, the one a user can do something about comes first.
    pub fn check(&self, limits: &Limits) -> Result<(), Error> {
        self.check_features()?;
        self.check_geometry()?;
        if self.size == 0 {
            return Err(Error::Empty);
        }
        if self.size > limits.virtual_size {
            return Err(Error::TooLarge {
                size: self.size,
                most: limits.virtual_size,
            });
        }
        self.check_tables(limits.file)
    }

    fn check_features(&self) -> Result<(), Error> {
        if self.backing_file_offset != 0 {
            return Err(Error::BackingFile);
        }
        if self.has(EXTERNAL_DATA) {
            return Err(Error::ExternalData);
        }
        if self.crypt_method != 0 {
            return Err(Error::Encrypted(self.crypt_method));
        }
        if self.has(CORRUPT) {
            return Err(Error::Corrupt);
        }
        let unknown = self.incompatible_features & !(DIRTY | COMPRESSION | EXTENDED_L2);
        if unknown != 0 {
            return Err(Error::UnknownFeatures(unknown));
        }
        self.compression().map(drop)
    }

    fn check_geometry(&self) -> Result<(), Error> {
        if !(LEAST_CLUSTER_BITS..=MOST_CLUSTER_BITS).contains(&self.cluster_bits) {
            return Err(Error::ClusterBits(self.cluster_bits));
        }
        if self.has_subclusters() && self.cluster_bits < LEAST_BITS_WITH_SUBCLUSTERS {
            return Err(Error::SubclusterSize(self.cluster_bits));
        }
        if self.refcount_order > 6 {
            return Err(Error::RefcountOrder(self.refcount_order));
        }
        if u64::from(self.header_length) > self.cluster_size() {
            return Err(Error::HeaderLength(self.header_length));
        }
        Ok(())
    }

    fn check_tables(&self, file: u64) -> Result<(), Error> {
        let needed = self.l1_entries_needed();
        let bytes = u64::from(self.l1_size).saturating_mul(L1_ENTRY);
        if u64::from(self.l1_size) < needed || bytes > MOST_L1_BYTES {
            return Err(Error::L1Size {
                entries: self.l1_size,
                needed,
            });
        }
        self.check_table("L1 table", self.l1_table_offset, bytes, file)?;
        let clusters = u64::from(self.refcount_table_clusters);
        let bytes = clusters.saturating_mul(self.cluster_size());
        self.check_table("refcount table", self.refcount_table_offset, bytes, file)
    }

    fn check_table(
        &self,
        table: &'static str,
        offset: u64,
        bytes: u64,
        file: u64,
    ) -> Result<(), Error> {
        if !offset.is_multiple_of(self.cluster_size()) {
            return Err(Error::Unaligned { table, offset });
        }
        // The first cluster is the header's.
        let within = offset
            .checked_add(bytes)
            .is_some_and(|end| offset != 0 && end <= file);
        if within {
            Ok(())
        } else {
            Err(Error::OutOfFile {
                table,
                offset,
                file,
            })
        }
    }

    /// Bytes of a cluster. Cluster bits that [`Header::check`] refuses give 0.
    #[must_use]
    pub fn cluster_size(&self) -> u64 {
        1_u64.checked_shl(self.cluster_bits).unwrap_or(0)
    }

    /// Entries that the first-level table needs for the virtual disk: one for each L2 table,
    /// which is a cluster and has an entry for each guest cluster.
    pub(crate) fn l1_entries_needed(&self) -> u64 {
        let entry_bits = if self.has_subclusters() { 4 } else { 3 };
        let covered_bits = (self.cluster_bits * 2).saturating_sub(entry_bits);
        self.size
            .div_ceil(1_u64.checked_shl(covered_bits).unwrap_or(u64::MAX))
    }
}
