//! A server that an attacker has taken over.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use snf_image::nbd::Connection;

const GREETING: &[u8] = b"NBDMAGICIHAVEOPT\0\x03";

/// The answer to an option.
fn answer(option: u32, kind: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = 0x0003_e889_0455_65a9_u64.to_be_bytes().to_vec();
    bytes.extend(option.to_be_bytes());
    bytes.extend(kind.to_be_bytes());
    bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend(data);
    bytes
}

/// All that a server says until requests begin, for an export of 1 MiB that can everything.
fn agreement() -> Vec<u8> {
    let context = [&7_u32.to_be_bytes(), b"base:allocation".as_slice()].concat();
    let export = [
        0_u16.to_be_bytes().as_slice(),
        &(1_u64 << 20).to_be_bytes(),
        &0xffff_u16.to_be_bytes(),
    ]
    .concat();
    [
        GREETING.to_vec(),
        answer(8, 1, &[]),
        answer(10, 4, &context),
        answer(10, 1, &[]),
        answer(7, 3, &export),
        answer(7, 1, &[]),
    ]
    .concat()
}

/// A chunk of the answer to the first request.
fn chunk(flags: u16, kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = 0x668e_33ef_u32.to_be_bytes().to_vec();
    bytes.extend(flags.to_be_bytes());
    bytes.extend(kind.to_be_bytes());
    bytes.extend(1_u64.to_be_bytes());
    bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend(data);
    bytes
}

/// Talks to somebody who says this and nothing else, and then listens, or hangs up.
fn with<T>(
    said: Vec<u8>,
    stays: bool,
    patience: Duration,
    talk: impl FnOnce(Result<Connection, String>) -> T,
) -> T {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let liar = thread::spawn(move || {
        let mut other = theirs.try_clone().unwrap();
        let listening = thread::spawn(move || std::io::copy(&mut other, &mut std::io::sink()));
        let _ = theirs.write_all(&said);
        if !stays {
            let _ = theirs.shutdown(std::net::Shutdown::Write);
        }
        let _ = listening.join();
    });
    let connection = Connection::open(ours.into(), "disk", patience);
    let result = talk(connection.map_err(|error| error.to_string()));
    liar.join().unwrap();
    result
}

fn refused(said: Vec<u8>) -> String {
    with(said, false, Duration::from_secs(5), |connection| {
        connection.map(drop).unwrap_err()
    })
}

#[test]
fn an_agreement_that_makes_no_sense_is_refused() {
    let export = |size: &[u8]| answer(7, 3, &[&3_u16.to_be_bytes(), size].concat());
    let until_go: Vec<u8> = [GREETING.to_vec(), answer(8, 0x8000_0001, &[])].concat();
    for (said, why) in [
        (
            b"SSH-2.0-OpenSSH_9.2 and some more".to_vec(),
            "does not begin",
        ),
        (b"NBDMAGICIHAVEOPT\0\0".to_vec(), "answers no options"),
        (GREETING.to_vec(), "closed"),
        ([GREETING, &answer(9, 1, &[])].concat(), "not asked"),
        ([GREETING, &answer(8, 1, &[0; 9000])].concat(), "too long"),
        (
            [GREETING, &answer(8, 3, &[]).repeat(70)].concat(),
            "do not end",
        ),
        (
            [until_go.clone(), answer(7, 1, &[])].concat(),
            "nothing of the export",
        ),
        ([until_go.clone(), answer(7, 3, &[0])].concat(), "too short"),
        (
            [until_go.clone(), answer(7, 0x8000_0006, b"\x1b[2Jgo away")].concat(),
            "refuses option 7",
        ),
        (
            [
                until_go.clone(),
                export(&[0; 12]),
                answer(7, 3, &[0; 12]),
                answer(7, 1, &[]),
            ]
            .concat(),
            "impossible",
        ),
        (
            [
                until_go.clone(),
                export(&[0xff; 12]),
                answer(7, 3, &[0; 12]),
                answer(7, 1, &[]),
            ]
            .concat(),
            "impossible",
        ),
    ] {
        let refusal = refused(said);
        assert!(refusal.contains(why), "{refusal}, not {why}");
    }
}

#[test]
fn an_answer_that_does_not_fit_its_request_is_refused() {
    let at = |offset: u64| offset.to_be_bytes().to_vec();
    let data = |offset: u64, length: usize| [at(offset), vec![6; length]].concat();
    let simple = [
        0x6744_6698_u32.to_be_bytes().as_slice(),
        &[0; 4],
        &9_u64.to_be_bytes(),
    ]
    .concat();
    for (said, why) in [
        (vec![0; 64], "does not begin"),
        (simple, "not asked"),
        (chunk(1, 1, &data(0, 511)), "lacks"),
        (chunk(1, 1, &data(0, 513)), "out of order"),
        (chunk(1, 1, &data(512, 512)), "out of order"),
        (chunk(1, 1, &data(u64::MAX, 512)), "out of order"),
        (
            [chunk(0, 1, &data(0, 256)), chunk(1, 1, &data(0, 256))].concat(),
            "out of order",
        ),
        (chunk(1, 1, &[0; 4]), "not asked for"),
        (
            chunk(
                1,
                2,
                &[at(0), 0xffff_ffff_u32.to_be_bytes().to_vec()].concat(),
            ),
            "out of order",
        ),
        (chunk(1, 5, &[0; 12]), "not asked for"),
        (chunk(1, 99, &[0; 12]), "not asked for"),
        (chunk(1, 0, &[]), "lacks"),
        (chunk(1, 0x8001, &[0; 9000]), "too long"),
        (chunk(1, 0x8001, &[0; 2]), "too short"),
        (chunk(0, 0, &[]).repeat(1 << 17), "does not end"),
        (chunk(0, 1, &data(0, 512)), "closed"),
    ] {
        let said = [agreement(), said].concat();
        let failure = with(said, false, Duration::from_secs(5), |connection| {
            connection
                .unwrap()
                .read(&mut [0; 512], 0)
                .unwrap_err()
                .to_string()
        });
        assert!(failure.contains(why), "{failure}, not {why}");
    }
}

#[test]
fn ranges_are_never_more_than_was_asked_for() {
    let list = |ranges: &[(u32, u32)]| {
        let mut bytes = 7_u32.to_be_bytes().to_vec();
        for (length, flags) in ranges {
            bytes.extend(length.to_be_bytes());
            bytes.extend(flags.to_be_bytes());
        }
        chunk(1, 5, &bytes)
    };
    let ask = |said: Vec<u8>| {
        with(
            [agreement(), said].concat(),
            false,
            Duration::from_secs(5),
            |connection| {
                connection
                    .unwrap()
                    .block_status(0, 1 << 20)
                    .map_err(|error| error.to_string())
            },
        )
    };
    let told = ask(list(&[(4096, 0), (u32::MAX, 3), (u32::MAX, 0)])).unwrap();
    assert_eq!(
        told.iter().map(|extent| extent.length).sum::<u64>(),
        1 << 20
    );
    assert_eq!(told.len(), 2);
    assert!(ask(list(&[])).is_err());
    assert!(ask(list(&[(0, 0)])).unwrap_err().contains("empty range"));
    assert!(ask(chunk(1, 5, &[0; 12])).is_err(), "another context");
}

#[test]
fn one_byte_now_and_then_is_no_answer() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let dripping = thread::spawn(move || {
        for byte in GREETING.iter().cycle() {
            if theirs.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    let begin = Instant::now();
    let silent = Connection::open(ours.into(), "disk", Duration::from_secs(1)).unwrap_err();
    assert!(silent.to_string().contains("no answer for 1 s"), "{silent}");
    assert!(begin.elapsed() < Duration::from_secs(3));
    dripping.join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn whatever_is_said_the_client_comes_back(
        flips in prop::collection::vec((0_usize..1000, any::<u8>()), 1..6), noise in prop::collection::vec(any::<u8>(), 0..200)
    ) {
        let mut said = [agreement(), chunk(1, 1, &[0; 520]), noise].concat();
        for (at, byte) in flips {
            let length = said.len();
            said[at % length] = byte;
        }
        with(said, false, Duration::from_secs(5), |connection| {
            if let Ok(mut connection) = connection {
                let _ = connection.read(&mut [0; 512], 0);
                let _ = connection.block_status(0, 1 << 20);
                let _ = connection.flush();
            }
        });
    }
}
