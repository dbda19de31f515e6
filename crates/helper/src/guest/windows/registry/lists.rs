//! Lists of the keys in a key: searched, and given one more.
// SPDX-License-Identifier: BSD-2-Clause

use std::cmp::Ordering;

use super::{Hive, Offset, put};
use crate::error::Result;

/// The first minor version whose lists have hashes.
const FIRST_WITH_HASHES: u32 = 5;

/// The kinds of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `li`: nothing but offsets.
    Plain,
    /// `lf`: with the first four characters of each name.
    Fast,
    /// `lh`: with a hash of each name.
    Hashed,
    /// `ri`: of lists.
    Index,
}

impl Kind {
    fn of(list: &[u8]) -> Option<Kind> {
        match list.get(..2)? {
            b"li" => Some(Kind::Plain),
            b"lf" => Some(Kind::Fast),
            b"lh" => Some(Kind::Hashed),
            b"ri" => Some(Kind::Index),
            _ => None,
        }
    }

    /// The bytes of one entry.
    fn entry(self) -> usize {
        match self {
            Kind::Plain | Kind::Index => 4,
            Kind::Fast | Kind::Hashed => 8,
        }
    }

    fn new_entry(self, key: Offset, name: &str) -> Vec<u8> {
        let mut entry = key.to_le_bytes().to_vec();
        match self {
            Kind::Plain | Kind::Index => {}
            Kind::Fast => {
                let mut hint = [0; 4];
                let characters = name.bytes().filter(|_| name.is_ascii());
                hint.iter_mut()
                    .zip(characters)
                    .for_each(|(place, character)| *place = character);
                entry.extend(hint);
            }
            Kind::Hashed => entry.extend(hash(name).to_le_bytes()),
        }
        entry
    }
}

impl Hive {
    /// The key of a name.
    pub(super) fn search(&self, list: Offset, name: &str) -> Result<Option<Offset>> {
        for leaf in self.leaves(list)? {
            let (kind, cell) = self.leaf(leaf)?;
            for at in 0..self.count(&cell, kind)? {
                let entry = 4 + at * kind.entry();
                let key = self.number(&cell, entry)?;
                // Windows trusts the hash too.
                let is_other = kind == Kind::Hashed && self.number(&cell, entry + 4)? != hash(name);
                if !is_other && compare(&self.name_of(key)?, name) == Ordering::Equal {
                    return Ok(Some(key));
                }
            }
        }
        Ok(None)
    }

    /// A list with one key in it.
    pub(super) fn new_list(&mut self, key: Offset, name: &str) -> Result<Offset> {
        let (signature, kind) = if self.minor >= FIRST_WITH_HASHES {
            (b"lh", Kind::Hashed)
        } else {
            (b"lf", Kind::Fast)
        };
        let mut list = signature.to_vec();
        list.extend(1_u16.to_le_bytes());
        list.extend(kind.new_entry(key, name));
        self.add(&list)
    }

    /// Puts one more key into a list, at its place in the order of names, and says where the list
    /// lies now.
    pub(super) fn insert(&mut self, list: Offset, key: Offset, name: &str) -> Result<Offset> {
        let leaves = self.leaves(list)?;
        // The first leaf that ends behind the name, else the last one.
        let mut chosen = leaves.len().saturating_sub(1);
        for (place, leaf) in leaves.iter().enumerate() {
            let (kind, cell) = self.leaf(*leaf)?;
            let Some(last) = self.count(&cell, kind)?.checked_sub(1) else {
                continue;
            };
            let last = self.number(&cell, 4 + last * kind.entry())?;
            if compare(&self.name_of(last)?, name) == Ordering::Greater {
                chosen = place;
                break;
            }
        }
        let Some(old) = leaves.get(chosen).copied() else {
            return self.new_list(key, name);
        };
        let new = self.with(old, key, name)?;
        self.free(old)?;
        if old == list {
            return Ok(new);
        }
        let within = u32::try_from(4 + 4 * chosen).unwrap_or(u32::MAX);
        self.write(list, within, &new.to_le_bytes())?;
        Ok(list)
    }

    /// A copy of a leaf with one key more.
    fn with(&mut self, leaf: Offset, key: Offset, name: &str) -> Result<Offset> {
        let (kind, mut cell) = self.leaf(leaf)?;
        let count = self.count(&cell, kind)?;
        let mut place = count;
        for at in 0..count {
            let other = self.number(&cell, 4 + at * kind.entry())?;
            if compare(&self.name_of(other)?, name) == Ordering::Greater {
                place = at;
                break;
            }
        }
        let more = u16::try_from(count + 1).map_err(|_| self.fault("a list of keys is full"))?;
        cell.truncate(4 + count * kind.entry());
        put(&mut cell, 2, &more.to_le_bytes());
        let place = 4 + place * kind.entry();
        cell.splice(place..place, kind.new_entry(key, name));
        self.add(&cell)
    }

    /// The lists that hold keys: the one that it is, or those in it.
    fn leaves(&self, list: Offset) -> Result<Vec<Offset>> {
        let cell = self.cell(list)?;
        match Kind::of(&cell) {
            Some(Kind::Index) => {
                let places = 0..self.count(&cell, Kind::Index)?;
                places.map(|at| self.number(&cell, 4 + 4 * at)).collect()
            }
            Some(_) => Ok(vec![list]),
            None => Err(self.fault("a list of keys is none")),
        }
    }

    /// A list that holds keys. An index in an index would lead round and round.
    fn leaf(&self, at: Offset) -> Result<(Kind, Vec<u8>)> {
        let cell = self.cell(at)?;
        match Kind::of(&cell) {
            Some(kind) if kind != Kind::Index => Ok((kind, cell)),
            _ => Err(self.fault("a list of keys is none")),
        }
    }

    /// How many entries a list has; all of them lie in its cell.
    fn count(&self, cell: &[u8], kind: Kind) -> Result<usize> {
        let count = usize::from(self.half(cell, 2)?);
        if 4 + count * kind.entry() > cell.len() {
            return Err(self.fault("a list of keys is longer than its cell"));
        }
        Ok(count)
    }
}

/// The hash of a name.
fn hash(name: &str) -> u32 {
    upper(name).fold(0, |hash: u32, unit| {
        hash.wrapping_mul(37).wrapping_add(u32::from(unit))
    })
}

/// The order of names, without regard to upper and lower case.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    upper(one).cmp(upper(other))
}

/// The units of a name in upper case. A character that would become several stays as it is.
fn upper(name: &str) -> impl Iterator<Item = u16> + '_ {
    name.chars().flat_map(|character| {
        let mut upper = character.to_uppercase();
        let character = match (upper.next(), upper.next()) {
            (Some(upper), None) => upper,
            _ => character,
        };
        let mut units = [0; 2];
        let length = character.encode_utf16(&mut units).len();
        units.into_iter().take(length)
    })
}
