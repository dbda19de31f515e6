//! Tables of any shape: what is planned for them never lies over anything.
// SPDX-License-Identifier: BSD-2-Clause

use proptest::prelude::*;

use super::*;

const UNIT: u64 = 2048;

fn partition(number: u32, start: u64, size: u64, kind: &str) -> Partition {
    Partition {
        number,
        start,
        size,
        kind: kind.into(),
        part_uuid: format!("id-{number}"),
        name: None,
        attributes: 0,
    }
}

/// A table on a disk of so many MiB, its partitions given in MiB.
fn table(label: Label, mib: u64, partitions: &[(u32, u64, u64, &str)]) -> Table {
    Table {
        label,
        sector_size: 512,
        partitions: partitions
            .iter()
            .map(|(number, start, size, kind)| partition(*number, start * UNIT, size * UNIT, kind))
            .collect(),
        end: mib * UNIT,
        unreachable: 0,
        needs_repair: false,
    }
}

fn new_swap(number: u32, size_mib: u64) -> Tail {
    Tail::NewSwap {
        number,
        size_mib,
        uuid: "its-own".into(),
    }
}

/// Number, start, end in MiB after the plan.
fn after(table: &Table, tail: &Tail) -> Vec<(u32, u64, u64)> {
    let mut partitions = applied(table, &plan(table, tail).unwrap());
    partitions.sort_by_key(|entry| entry.number);
    partitions
        .iter()
        .map(|entry| (entry.number, entry.start / UNIT, entry.end() / UNIT))
        .collect()
}

fn refused(table: &Table, tail: &Tail) -> String {
    plan(table, tail).unwrap_err().to_string()
}

#[test]
fn swap_space_comes_behind_what_grows() {
    let gpt = table(Label::Gpt, 100, &[(15, 1, 4, "E"), (1, 5, 20, "L")]);
    assert_eq!(
        after(&gpt, &new_swap(3, 30)),
        [(1, 5, 70), (3, 70, 100), (15, 1, 5)]
    );
    let mbr = table(Label::Mbr, 100, &[(1, 1, 20, "83")]);
    assert_eq!(after(&mbr, &new_swap(2, 30)), [(1, 1, 70), (2, 70, 100)]);
}

#[test]
fn a_logical_partition_gets_an_extended_one_around_it() {
    let mbr = table(Label::Mbr, 100, &[(1, 1, 20, "83"), (3, 21, 4, "83")]);
    assert_eq!(
        after(&mbr, &new_swap(5, 30)),
        [(1, 1, 21), (2, 69, 100), (3, 21, 69), (5, 70, 100)]
    );
    let there = [(1, 1, 20, "83"), (4, 21, 20, "05"), (5, 22, 10, "83")];
    let mbr = table(Label::Mbr, 100, &there);
    assert_eq!(
        after(&mbr, &new_swap(6, 30)),
        [(1, 1, 21), (4, 21, 100), (5, 22, 69), (6, 70, 100)]
    );
    // A primary one fits behind them as well.
    assert_eq!(
        after(&mbr, &new_swap(2, 30)),
        [(1, 1, 21), (2, 70, 100), (4, 21, 70), (5, 22, 70)]
    );
}

#[test]
fn numbers_and_room_that_are_not_there_are_refused() {
    let four = [
        (1, 1, 1, "83"),
        (2, 2, 1, "83"),
        (3, 3, 1, "83"),
        (4, 4, 1, "83"),
    ];
    let mbr = table(Label::Mbr, 100, &four);
    assert!(refused(&mbr, &new_swap(5, 1)).contains("four primary"));
    assert!(refused(&mbr, &new_swap(4, 1)).contains("a partition 4 already"));
    let mbr = table(Label::Mbr, 100, &[(1, 1, 20, "83")]);
    assert!(refused(&mbr, &new_swap(6, 1)).contains("has the number 5"));
    assert!(refused(&mbr, &new_swap(2, 80)).contains("only 79 MiB are free"));
    assert!(refused(&mbr, &new_swap(5, 79)).contains("only 78 MiB are free"));
    assert!(refused(&mbr, &new_swap(2, u64::MAX)).contains("only 79 MiB are free"));
    let front = [(2, 1, 20, "05"), (5, 2, 4, "83"), (3, 21, 4, "83")];
    let mbr = table(Label::Mbr, 100, &front);
    assert!(refused(&mbr, &new_swap(6, 9)).contains("does not lie last"));
    let gpt = table(Label::Gpt, 100, &[(1, 5, 20, "L")]);
    assert_eq!(
        refused(&gpt, &new_swap(2, 76)),
        "property SWAP=2:76: only 75 MiB are free behind the last partition of the image: give \
         the machine a larger disk or less swap space"
    );
}

#[test]
fn swap_space_in_the_way_moves_to_the_end() {
    let move_it = Tail::MovableSwap;
    let gpt = table(Label::Gpt, 100, &[(1, 1, 20, "L"), (2, 21, 8, SWAP_GPT)]);
    assert_eq!(after(&gpt, &move_it), [(1, 1, 92), (2, 92, 100)]);
    assert!(plan(&gpt, &Tail::AsItIs).unwrap().is_empty());
    // As Debian's installer does it: a logical one, alone in the extended one.
    let mbr = [(1, 1, 20, "83"), (2, 21, 9, "05"), (5, 22, 8, "82")];
    assert_eq!(
        after(&table(Label::Mbr, 100, &mbr), &move_it),
        [(1, 1, 91), (2, 91, 100), (5, 92, 100)]
    );
    let both = [
        (1, 1, 1, "83"),
        (2, 2, 40, "05"),
        (5, 3, 20, "83"),
        (6, 24, 8, "82"),
    ];
    assert_eq!(
        after(&table(Label::Mbr, 100, &both), &move_it),
        [(1, 1, 2), (2, 2, 100), (5, 3, 91), (6, 92, 100)]
    );
}

#[test]
fn swap_space_stays_where_nothing_is_gained_or_numbers_would_change() {
    for (label, mib, partitions) in [
        (Label::Gpt, 29, vec![(1, 1, 20, "L"), (2, 21, 8, SWAP_GPT)]),
        (Label::Gpt, 100, vec![(2, 21, 8, SWAP_GPT)]),
        (
            Label::Gpt,
            100,
            vec![(1, 1, 20, "L"), (2, 21, 8, SWAP_GPT), (3, 29, 8, SWAP_GPT)],
        ),
        (
            Label::Mbr,
            100,
            vec![(2, 1, 40, "05"), (5, 24, 8, "82"), (6, 2, 20, "83")],
        ),
        (
            Label::Mbr,
            100,
            vec![
                (1, 1, 1, "83"),
                (2, 2, 40, "05"),
                (5, 3, 8, "82"),
                (6, 24, 8, "82"),
            ],
        ),
    ] {
        let table = table(label, mib, &partitions);
        assert!(
            plan(&table, &Tail::MovableSwap).unwrap().is_empty(),
            "{partitions:?}"
        );
    }
}

/// Partitions one behind the other: each its gap and its size in sectors, and whether it is
/// for swap space. In a master boot record the third and all behind it are logical.
fn any_table() -> impl Strategy<Value = Table> {
    let entries = proptest::collection::vec((1..5000_u64, 1..9000_u64, any::<bool>()), 1..7);
    (any::<bool>(), entries, 0..90_000_u64).prop_map(|(gpt, entries, room)| {
        let mut partitions = Vec::new();
        let mut end = 33;
        let mut extended = None;
        for ((gap, size, swap), number) in entries.iter().zip(1_u32..) {
            let start = end + gap;
            end = start + size;
            let kind = match (gpt, swap) {
                (true, true) => SWAP_GPT,
                (true, false) => "L",
                (false, true) => "82",
                (false, false) => "83",
            };
            let logical = !gpt && number > 2;
            let number = if logical { number + 2 } else { number };
            if logical {
                extended.get_or_insert(start - 1);
            }
            partitions.push(partition(number, start, *size, kind));
        }
        if let Some(start) = extended {
            partitions.push(partition(4, start, end - start, "05"));
        }
        let label = if gpt { Label::Gpt } else { Label::Mbr };
        Table {
            label,
            sector_size: 512,
            partitions,
            end: end + room,
            unreachable: 0,
            needs_repair: false,
        }
    })
}

/// Whether no partition lies over another, each logical one has a sector before it for its
/// record within the extended one, and all end on the disk.
fn is_sound(table: &Table, partitions: &[Partition]) -> bool {
    let extended = partitions.iter().find(|entry| entry.is_extended());
    let around = |entry: &Partition| {
        !table.is_logical(entry)
            || extended.is_some_and(|extended| {
                extended.start < entry.start && entry.end() <= extended.end()
            })
    };
    let apart = |one: &Partition, other: &Partition| {
        let (one_record, other_record) = (
            u64::from(table.is_logical(one)),
            u64::from(table.is_logical(other)),
        );
        one.number == other.number
            || (one.is_extended() && table.is_logical(other))
            || (other.is_extended() && table.is_logical(one))
            || one.end() <= other.start - other_record
            || other.end() <= one.start - one_record
    };
    partitions.iter().all(|one| {
        one.end() <= table.end && around(one) && partitions.iter().all(|other| apart(one, other))
    })
}

proptest! {
    #[test]
    fn no_plan_lies_over_anything(
        table in any_table(), number in 1..12_u32, size_mib in 1..30_u64, which in 0..3_u8
    ) {
        let tail = match which {
            0 => Tail::AsItIs,
            1 => Tail::MovableSwap,
            _ => new_swap(number, size_mib),
        };
        let Ok(changes) = plan(&table, &tail) else {
            prop_assert_eq!(which, 2);
            return Ok(());
        };
        let partitions = applied(&table, &changes);
        prop_assert!(is_sound(&table, &partitions), "{:?}", changes);
        let growing = table.growing().map(|last| last.partition.number);
        for old in &table.partitions {
            let new = partitions.iter().find(|new| new.number == old.number).unwrap();
            prop_assert_eq!(&new.kind, &old.kind);
            let moved = matches!(tail, Tail::MovableSwap) && (old.is_swap() || old.is_extended());
            if !moved {
                prop_assert_eq!(new.start, old.start);
                prop_assert!(new.size >= old.size);
                let may_grow = Some(old.number) == growing || old.is_extended();
                prop_assert!(may_grow || new.size == old.size);
            } else if old.is_swap() {
                prop_assert_eq!(new.size, old.size);
            }
        }
        // What is planned a second time is nothing.
        if which < 2 {
            let again = Table { partitions, ..table };
            prop_assert!(plan(&again, &tail).unwrap().is_empty());
        }
    }
}
