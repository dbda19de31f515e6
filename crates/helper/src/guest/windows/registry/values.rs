//! Values of a key: found by their name, changed, added.
// SPDX-License-Identifier: BSD-2-Clause

use std::cmp::Ordering;

use super::cells::NONE;
use super::keys::{Key, stored, text};
use super::lists::compare;
use super::value::Value;
use super::{Hive, Offset, put};
use crate::error::Result;

/// Fields of a value cell.
const NAME_LENGTH: usize = 2;
const LENGTH: usize = 4;
const DATA: usize = 8;
const KIND: usize = 12;
const FLAGS: usize = 16;
const NAME: usize = 20;
/// The flag of a name with one byte for each character.
const NARROW: u16 = 1;
/// The bit of a length that says that the data stands where its offset would.
const INSIDE: u32 = 1 << 31;
/// The most data of one cell; longer data is cut into segments.
const SEGMENT: usize = 16344;
/// The longest value that is read, in bytes.
const MAX_DATA: u32 = 1 << 20;
/// Fields of the cell that lists segments.
const SEGMENTS: usize = 2;
const SEGMENT_LIST: usize = 4;

impl Hive {
    /// A value of a key.
    pub(super) fn value_of(&self, key: &Key, name: &str) -> Result<Option<Value>> {
        let Some((_, cell)) = self.find_value(key, name)? else {
            return Ok(None);
        };
        let kind = self.number(&cell, KIND)?;
        let length = self.number(&cell, LENGTH)?;
        let data = if length & INSIDE != 0 {
            let inside = self.field::<4>(&cell, DATA)?;
            let length = usize::try_from(length & !INSIDE).unwrap_or(usize::MAX);
            inside.get(..length).map(<[u8]>::to_vec)
        } else if length == 0 {
            Some(Vec::new())
        } else {
            self.data(self.number(&cell, DATA)?, length)?
        };
        let data = data.ok_or_else(|| self.fault("a value is longer than its cell"))?;
        Ok(Some(Value { kind, data }))
    }

    fn data(&self, at: Offset, length: u32) -> Result<Option<Vec<u8>>> {
        if length > MAX_DATA {
            return Err(self.fault("a value that is needed is longer than 1 MiB"));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let mut data = self.cell(at)?;
        if length > SEGMENT && data.starts_with(b"db") {
            data = self.segments(&data, length)?;
        }
        let is_there = data.len() >= length;
        data.truncate(length);
        Ok(is_there.then_some(data))
    }

    fn segments(&self, cell: &[u8], length: usize) -> Result<Vec<u8>> {
        let count = usize::from(self.half(cell, SEGMENTS)?);
        let list = self.cell(self.number(cell, SEGMENT_LIST)?)?;
        let mut data = Vec::new();
        for place in 0..count {
            if data.len() >= length {
                break;
            }
            let mut segment = self.cell(self.number(&list, 4 * place)?)?;
            segment.truncate(SEGMENT);
            data.extend(segment);
        }
        Ok(data)
    }

    fn find_value(&self, key: &Key, name: &str) -> Result<Option<(Offset, Vec<u8>)>> {
        for at in self.list_of_values(key)? {
            let cell = self.cell(at)?;
            if !cell.starts_with(b"vk") {
                return Err(self.fault("a value is none"));
            }
            let length = usize::from(self.half(&cell, NAME_LENGTH)?);
            let is_narrow = self.half(&cell, FLAGS)? & NARROW != 0;
            let stored = cell.get(NAME..).and_then(|rest| rest.get(..length));
            let stored = stored.ok_or_else(|| self.fault("the name of a value is too long"))?;
            if compare(&text(stored, is_narrow), name) == Ordering::Equal {
                return Ok(Some((at, cell)));
            }
        }
        Ok(None)
    }

    fn list_of_values(&self, key: &Key) -> Result<Vec<Offset>> {
        let (count, list) = self.values_of(key)?;
        if count == 0 {
            return Ok(Vec::new());
        }
        let cell = self.cell(list)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let entries = cell.chunks_exact(4).take(count);
        let offsets: Vec<_> = entries
            .filter_map(|entry| Some(u32::from_le_bytes(*entry.first_chunk()?)))
            .collect();
        if offsets.len() < count {
            return Err(self.fault("a list of values is longer than its cell"));
        }
        Ok(offsets)
    }

    /// Sets a value of a key.
    pub(super) fn set_value_of(&mut self, key: &Key, name: &str, value: &Value) -> Result<()> {
        if value.data.len() > SEGMENT {
            return Err(self.fault("a value that is to be set is too long"));
        }
        let count = self.values_of(key)?;
        let Some((at, mut cell)) = self.find_value(key, name)? else {
            return self.add_value(key, name, value);
        };
        let old = (self.number(&cell, LENGTH)?, self.number(&cell, DATA)?);
        let (length, data) = self.put_data(value, Some(old))?;
        put(&mut cell, LENGTH, &length.to_le_bytes());
        put(&mut cell, DATA, &data);
        put(&mut cell, KIND, &value.kind.to_le_bytes());
        self.write(at, 0, &cell)?;
        self.tell(key, count, name, value.data.len())
    }

    fn add_value(&mut self, key: &Key, name: &str, value: &Value) -> Result<()> {
        let (flags, bytes) = stored(name);
        let name_length = u16::try_from(bytes.len())
            .map_err(|_| self.fault("the name of a value that is to be set is too long"))?;
        let (length, data) = self.put_data(value, None)?;
        let mut cell = vec![0; NAME];
        put(&mut cell, 0, b"vk");
        put(&mut cell, NAME_LENGTH, &name_length.to_le_bytes());
        put(&mut cell, LENGTH, &length.to_le_bytes());
        put(&mut cell, DATA, &data);
        put(&mut cell, KIND, &value.kind.to_le_bytes());
        let flags = if flags == 0 { 0 } else { NARROW };
        put(&mut cell, FLAGS, &flags.to_le_bytes());
        cell.extend(bytes);
        let new = self.add(&cell)?;

        let (count, old) = self.values_of(key)?;
        let mut offsets = self.list_of_values(key)?;
        offsets.push(new);
        let list: Vec<u8> = offsets.into_iter().flat_map(u32::to_le_bytes).collect();
        let list = self.add(&list)?;
        if count > 0 {
            self.free(old)?;
        }
        self.tell(key, (count.saturating_add(1), list), name, value.data.len())
    }

    /// Takes a value out of a key that has it.
    pub(super) fn remove_value_of(&mut self, key: &Key, name: &str) -> Result<()> {
        let Some((at, cell)) = self.find_value(key, name)? else {
            return Ok(());
        };
        let (_, list) = self.values_of(key)?;
        let mut offsets = self.list_of_values(key)?;
        offsets.retain(|offset| *offset != at);
        let count = u32::try_from(offsets.len()).unwrap_or(u32::MAX);
        if count == 0 {
            self.tell(key, (0, NONE), "", 0)?;
            self.free(list)?;
        } else {
            let left: Vec<u8> = offsets.into_iter().flat_map(u32::to_le_bytes).collect();
            self.write(list, 0, &left)?;
            self.tell(key, (count, list), "", 0)?;
        }
        if let Some(data) = data_cell(self.number(&cell, LENGTH)?, self.number(&cell, DATA)?) {
            self.free(data)?;
        }
        self.free(at)
    }

    /// Puts the data of a value somewhere: the length and the offset of its cell that go into the
    /// value, or the data itself. The place of older data is used again, or given away.
    fn put_data(&mut self, value: &Value, old: Option<(u32, Offset)>) -> Result<(u32, [u8; 4])> {
        let data = value.data.as_slice();
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let old = old.and_then(|(length, at)| data_cell(length, at));
        if data.len() <= 4 {
            if let Some(at) = old {
                self.free(at)?;
            }
            let mut inside = [0; 4];
            put(&mut inside, 0, data);
            return Ok((length | INSIDE, inside));
        }
        if let Some(at) = old {
            if self.room_of(at)? >= length {
                self.write(at, 0, data)?;
                return Ok((length, at.to_le_bytes()));
            }
            self.free(at)?;
        }
        Ok((length, self.add(data)?.to_le_bytes()))
    }
}

/// The one cell with the data of a value, where it has one. Segments stay where they are, without use, until Windows
/// compacts the hive.
fn data_cell(length: u32, at: Offset) -> Option<Offset> {
    let segment = u32::try_from(SEGMENT).unwrap_or(u32::MAX);
    ((1..=segment).contains(&length) && at != NONE).then_some(at)
}
