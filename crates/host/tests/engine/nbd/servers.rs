//! Real servers.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use snf_image::format::{Exported, Image};
use snf_image::nbd::Client;
use snf_image_testkit::nbd::Server;

const MIB: usize = 1 << 20;
const SIZE: usize = 8 * MIB;

fn open(server: &Server, name: &str, connections: usize) -> Client {
    let sockets: Vec<OwnedFd> = (0..connections)
        .map(|_| server.connect().unwrap())
        .collect();
    Client::open(sockets, name, Duration::from_secs(20)).unwrap()
}

fn refusal(server: &Server, name: &str, patience: Duration) -> String {
    let socket = server.connect().unwrap();
    let refused = Client::open(vec![socket], name, patience).unwrap_err();
    refused.to_string()
}

/// Every server that is tried: its command with `disk` for a file of [`SIZE`] bytes, and the
/// name of its export.
const SERVERS: [(&[&str], &str); 5] = [
    (&["nbdkit", "--foreground", "memory", "8M"], ""),
    (
        &[
            "nbdkit",
            "--foreground",
            "--filter=noextents",
            "file",
            "disk",
        ],
        "",
    ),
    // Neither zeroes, nor several connections, nor answers in chunks.
    (
        &[
            "nbdkit",
            "--foreground",
            "--no-sr",
            "--filter=nozero",
            "--filter=noparallel",
            "file",
            "disk",
            "zeromode=notrim",
        ],
        "",
    ),
    (
        &[
            "nbdkit",
            "--foreground",
            "--filter=blocksize-policy",
            "file",
            "disk",
            "blocksize-minimum=4096",
            "blocksize-preferred=4096",
            "blocksize-maximum=1M",
        ],
        "any",
    ),
    (
        &[
            "qemu-nbd",
            "--persistent",
            "--shared=8",
            "--format=raw",
            "--discard=unmap",
            "--detect-zeroes=off",
            "--export-name=disk",
            "disk",
        ],
        "disk",
    ),
];

/// One thing done to a disk, in blocks of 4096 bytes.
#[derive(Debug, Clone)]
enum Step {
    Write(usize, usize, u8),
    Zero(usize, usize),
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    let blocks = SIZE / 4096;
    let range = (0..blocks).prop_flat_map(move |at| (Just(at), 1..=(blocks - at).min(700)));
    prop_oneof![
        (range.clone(), 1_u8..).prop_map(|((at, count), byte)| Step::Write(at, count, byte)),
        range.prop_map(|(at, count)| Step::Zero(at, count)),
        Just(Step::Flush),
    ]
}

/// Does everything to the export and to `model`, and holds them against each other.
fn work(client: &Client, steps: &[Step], model: &mut [u8]) {
    let place = |at: usize| u64::try_from(at * 4096).unwrap();
    for step in steps {
        match *step {
            Step::Write(at, count, byte) => {
                let part = &mut model[at * 4096..(at + count) * 4096];
                for (index, block) in part.chunks_mut(4096).enumerate() {
                    block.fill(byte.wrapping_add(u8::try_from(index % 251).unwrap()));
                }
                client.write(part, place(at)).unwrap();
            }
            Step::Zero(at, count) => {
                if client.write_zeroes(place(at), place(count)).unwrap() {
                    model[at * 4096..(at + count) * 4096].fill(0);
                }
            }
            Step::Flush => client.flush().unwrap(),
        }
    }
    let mut read = vec![1; model.len()];
    client.read(&mut read, 0).unwrap();
    assert!(read == model, "the export is not what was written to it");
}

#[test]
fn what_is_written_is_read_back_whatever_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    let mut runner = TestRunner::new(ProptestConfig::with_cases(8));
    for (number, (command, name)) in SERVERS.iter().enumerate() {
        std::fs::write(&disk, vec![0; SIZE]).unwrap();
        let path = disk.to_str().unwrap();
        let named = |word: &&'static str| if *word == "disk" { path } else { *word };
        let command: Vec<&str> = command.iter().map(named).collect();
        let server = if number.is_multiple_of(2) {
            Server::on_path(&folder.path().join("socket"), &command).unwrap()
        } else {
            Server::on_port(&command).unwrap()
        };
        let client = open(&server, name, 4);
        assert_eq!(client.export().size, u64::try_from(SIZE).unwrap());
        let mut model = vec![0; SIZE];
        let steps = prop::collection::vec(step(), 1..30);
        for _ in 0..8 {
            let steps = steps.new_tree(&mut runner).unwrap().current();
            work(&client, &steps, &mut model);
        }
        holes_are_zeroes(client, &model);
    }
}

/// What counts as a hole reads as zeroes, and all data are found.
fn holes_are_zeroes(client: Client, model: &[u8]) {
    let image = Exported::new(client);
    let mut found = vec![0; model.len()];
    let mut at = 0;
    while let Some(range) = image.next_data(at).unwrap() {
        let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
        image.read_at(&mut found[start..end], range.start).unwrap();
        at = range.end;
    }
    assert!(found == model, "a hole was no hole");
}

#[test]
fn several_threads_work_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let delayed = [
        "nbdkit",
        "--foreground",
        "--filter=delay",
        "memory",
        "8M",
        "wdelay=200ms",
    ];
    let server = Server::on_path(&socket, &delayed).unwrap();
    let client = open(&server, "", 4);
    let begin = Instant::now();
    thread::scope(|scope| {
        for number in 0..8_u8 {
            let client = &client;
            scope.spawn(move || {
                let offset = u64::from(number) << 20;
                client.write(&vec![number; MIB], offset).unwrap();
            });
        }
    });
    let took = begin.elapsed();
    assert!(
        took < Duration::from_millis(1100),
        "one after the other: {took:?}"
    );
    let mut read = vec![0; SIZE];
    client.read(&mut read, 0).unwrap();
    assert!(
        read.chunks(MIB)
            .enumerate()
            .all(|(number, piece)| piece.iter().all(|byte| usize::from(*byte) == number))
    );
}

#[test]
fn what_the_server_cannot_do_is_an_error_of_the_system_and_the_next_request_works() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let failing = folder.path().join("failing");
    std::fs::write(&failing, "").unwrap();
    let file = format!("error-pwrite-file={}", failing.display());
    let command = [
        "nbdkit",
        "--foreground",
        "--filter=error",
        "memory",
        "8M",
        "error-pwrite=ENOSPC",
        "error-pwrite-rate=100%",
        &file,
    ];
    let server = Server::on_path(&socket, &command).unwrap();
    let client = open(&server, "", 1);
    let refused = client.write(&[7; 4096], 0).unwrap_err();
    assert_eq!(std::io::Error::from(refused).raw_os_error(), Some(28));
    std::fs::remove_file(&failing).unwrap();
    client.write(&[7; 4096], 0).unwrap();
    let beyond = client.read(&mut [0; 4096], 8 << 20).unwrap_err();
    assert!(std::io::Error::from(beyond).raw_os_error().is_some());
    let mut read = [0; 4096];
    client.read(&mut read, 0).unwrap();
    assert_eq!(read, [7; 4096]);
}

#[test]
fn a_server_that_hangs_or_goes_away_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let command = [
        "nbdkit",
        "--foreground",
        "--filter=delay",
        "memory",
        "8M",
        "rdelay=60",
    ];
    let server = Server::on_path(&socket, &command).unwrap();
    let client = Client::open(vec![server.connect().unwrap()], "", Duration::from_secs(1)).unwrap();
    let begin = Instant::now();
    let silent = client.read(&mut [0; 512], 0).unwrap_err().to_string();
    assert_eq!(silent, "the server gave no answer for 1 s");
    assert!(begin.elapsed() < Duration::from_secs(5));
    let broken = client.read(&mut [0; 512], 0).unwrap_err().to_string();
    assert!(broken.contains("failed before"), "{broken}");
    let client = open(&server, "", 1);
    drop(server);
    let gone = client.read(&mut [0; 512], 0).unwrap_err().to_string();
    assert!(gone.contains("closed"), "{gone}");
}

#[test]
fn an_export_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::write(&disk, vec![0; MIB]).unwrap();
    let command = [
        "qemu-nbd",
        "--persistent",
        "--format=raw",
        "--export-name=here",
        disk.to_str().unwrap(),
    ];
    let server = Server::on_port(&command).unwrap();
    let refused = refusal(&server, "elsewhere", Duration::from_secs(5));
    assert!(refused.contains("refuses option"), "{refused}");
}
