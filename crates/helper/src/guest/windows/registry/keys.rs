//! Keys of a hive: found by their path, made where they are missing.
// SPDX-License-Identifier: BSD-2-Clause

use super::cells::NONE;
use super::value::units;
use super::{Hive, Offset, put};
use crate::error::Result;

/// Fields of a key node.
const FLAGS: usize = 2;
const PARENT: usize = 16;
const SUBKEYS: usize = 20;
const SUBKEY_LIST: usize = 28;
const VALUES: usize = 36;
const VALUE_LIST: usize = 40;
const SECURITY: usize = 44;
const CLASS: usize = 48;
const LONGEST_SUBKEY: usize = 52;
const LONGEST_NAME: usize = 60;
const LONGEST_DATA: usize = 64;
const NAME_LENGTH: usize = 72;
const NAME: usize = 76;
/// The flag of a name with one byte for each character.
const NARROW: u16 = 0x20;
/// The references of a security cell.
const REFERENCES: usize = 12;
/// The most keys that a path may name (Windows has the same limit).
const MAX_DEPTH: usize = 512;
/// The longest name of a key, in characters (the same).
const MAX_NAME: usize = 255;

/// A key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    at: Offset,
    node: Vec<u8>,
}

impl Hive {
    /// The key of a path.
    pub(super) fn find(&self, path: &str) -> Result<Option<Key>> {
        let mut key = self.key(self.root)?;
        for name in names(path) {
            match self.child(&key, name)? {
                Some(child) => key = child,
                None => return Ok(None),
            }
        }
        Ok(Some(key))
    }

    /// The same; what is missing of the path is made.
    pub(super) fn find_or_make(&mut self, path: &str) -> Result<Key> {
        let mut key = self.key(self.root)?;
        for name in names(path) {
            key = match self.child(&key, name)? {
                Some(child) => child,
                None => self.make(&key, name)?,
            };
        }
        Ok(key)
    }

    fn child(&self, key: &Key, name: &str) -> Result<Option<Key>> {
        if self.number(&key.node, SUBKEYS)? == 0 {
            return Ok(None);
        }
        let list = self.number(&key.node, SUBKEY_LIST)?;
        match self.search(list, name)? {
            Some(at) => self.key(at).map(Some),
            None => Ok(None),
        }
    }

    fn key(&self, at: Offset) -> Result<Key> {
        let node = self.cell(at)?;
        if !node.starts_with(b"nk") {
            return Err(self.fault("a key is none"));
        }
        Ok(Key { at, node })
    }

    /// The name of the key at an offset.
    pub(super) fn name_of(&self, at: Offset) -> Result<String> {
        let Key { node, .. } = self.key(at)?;
        let flags = self.half(&node, FLAGS)?;
        let length = usize::from(self.half(&node, NAME_LENGTH)?);
        let name = node.get(NAME..).and_then(|rest| rest.get(..length));
        let name = name.ok_or_else(|| self.fault("the name of a key is too long"))?;
        Ok(text(name, flags & NARROW != 0))
    }

    /// Makes a key in another, which has none of that name. It is protected as its parent.
    fn make(&mut self, parent: &Key, name: &str) -> Result<Key> {
        let (flags, bytes) = stored(name);
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        if name.is_empty() || name.chars().count() > MAX_NAME {
            return Err(self.fault("the name of a key that is to be made is not valid"));
        }
        let security = self.number(&parent.node, SECURITY)?;
        let mut node = vec![0; NAME];
        put(&mut node, 0, b"nk");
        put(&mut node, FLAGS, &flags.to_le_bytes());
        // The time is that of its parent: this machine's clock tells nothing.
        put(&mut node, 4, &self.field::<8>(&parent.node, 4)?);
        put(&mut node, PARENT, &parent.at.to_le_bytes());
        for field in [SUBKEY_LIST, SUBKEY_LIST + 4, VALUE_LIST, CLASS] {
            put(&mut node, field, &NONE.to_le_bytes());
        }
        put(&mut node, SECURITY, &security.to_le_bytes());
        put(&mut node, NAME_LENGTH, &length.to_le_bytes());
        node.extend(bytes);

        let protection = self.cell(security)?;
        if !protection.starts_with(b"sk") {
            return Err(self.fault("what protects a key is missing"));
        }
        let references = self.number(&protection, REFERENCES)?.saturating_add(1);
        self.write(security, 12, &references.to_le_bytes())?;
        let at = self.add(&node)?;

        let count = self.number(&parent.node, SUBKEYS)?;
        let list = match count {
            0 => self.new_list(at, name)?,
            _ => self.insert(self.number(&parent.node, SUBKEY_LIST)?, at, name)?,
        };
        let longest = u16::try_from(name.encode_utf16().count() * 2).unwrap_or(u16::MAX);
        let longest = longest.max(self.half(&parent.node, LONGEST_SUBKEY)?);
        let mut changed = parent.clone();
        put(
            &mut changed.node,
            SUBKEYS,
            &count.saturating_add(1).to_le_bytes(),
        );
        put(&mut changed.node, SUBKEY_LIST, &list.to_le_bytes());
        put(&mut changed.node, LONGEST_SUBKEY, &longest.to_le_bytes());
        self.write(parent.at, 0, &changed.node)?;
        Ok(Key { at, node })
    }

    /// How many values a key has, and where their list lies.
    pub(super) fn values_of(&self, key: &Key) -> Result<(u32, Offset)> {
        let count = self.number(&key.node, VALUES)?;
        Ok((count, self.number(&key.node, VALUE_LIST)?))
    }

    /// Tells a key of its values: how many, their list, the length of one of them and its name.
    pub(super) fn tell(
        &self,
        key: &Key,
        (count, list): (u32, Offset),
        name: &str,
        data: usize,
    ) -> Result<()> {
        let longest = |at: usize, new: usize| {
            let new = u32::try_from(new).unwrap_or(u32::MAX);
            self.number(&key.node, at).map(|old| old.max(new))
        };
        let mut node = key.node.clone();
        let name = longest(LONGEST_NAME, name.encode_utf16().count() * 2)?;
        let data = longest(LONGEST_DATA, data)?;
        put(&mut node, VALUES, &count.to_le_bytes());
        put(&mut node, VALUE_LIST, &list.to_le_bytes());
        put(&mut node, LONGEST_NAME, &name.to_le_bytes());
        put(&mut node, LONGEST_DATA, &data.to_le_bytes());
        self.write(key.at, 0, &node)
    }
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    let names = path.split('\\').filter(|name| !name.is_empty());
    names.take(MAX_DEPTH)
}

/// The text of a name as it is stored.
pub(super) fn text(bytes: &[u8], is_narrow: bool) -> String {
    if is_narrow {
        // Latin-1: the first 256 characters of Unicode.
        return bytes.iter().map(|byte| char::from(*byte)).collect();
    }
    let units: Vec<_> = units(bytes).collect();
    String::from_utf16_lossy(&units)
}

/// How a name is stored: the flag for it, and its bytes.
pub(super) fn stored(name: &str) -> (u16, Vec<u8>) {
    if name.is_ascii() {
        return (NARROW, name.into());
    }
    (0, name.encode_utf16().flat_map(u16::to_le_bytes).collect())
}
