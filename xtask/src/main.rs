//! The front door for people who work on snf-image.
// SPDX-License-Identifier: BSD-2-Clause

mod appliance;
mod bench;
mod build;
mod command;
mod deb;
mod demo;
mod ganeti;
mod image;
mod job;
mod man;
mod network_tree;
mod packages;
mod paths;
mod phases;
mod setup;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Builds, shows, tests and measures snf-image
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Install the packages and tools that the other subcommands need, where they are missing
    Setup,
    /// Build the programs into target/dist
    Build,
    /// Build the helper VM with them into target/appliance
    Appliance,
    /// Make the demo image, a bootable Debian 12, in target/images
    Image {
        /// One with cloud-init instead
        #[arg(long)]
        cloud_init: bool,
    },
    /// Install the network systems of Debian into target/images/network-tree, for the tests
    NetworkTree,
    /// Make the Debian packages in target/debian
    Deb,
    /// Deploy the demo image, boot the result and look around in it
    Demo,
    /// Run all tests
    Test {
        /// Leave out those that need VMs
        #[arg(long)]
        fast: bool,
        /// Instead, those that take too long for every day: boots and first starts of more systems
        #[arg(long, conflicts_with = "fast")]
        slow: bool,
    },
    /// Run the tests on a Ganeti cluster of three nodes that have installed the packages
    Ganeti {
        /// Leave the cluster up
        #[arg(long)]
        keep: bool,
    },
    /// Regenerate the man pages and the shells' completions
    Man,
    /// Measure
    #[command(subcommand)]
    Bench(Bench),
}

/// What can be measured.
#[derive(Debug, Subcommand)]
enum Bench {
    /// A whole deployment of the demo image, beside other tools where they are installed
    Deploy {
        /// How often
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
        runs: u32,
        /// Leave out the other tools
        #[arg(long)]
        alone: bool,
    },
    /// The copy of images of every form, beside other tools; prints a table
    Copy {
        /// How often
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
        runs: u32,
    },
}

fn main() -> ExitCode {
    match run(&Task::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether it went well; what did not has been said already.
fn run(task: &Task) -> Result<bool> {
    match task {
        Task::Setup => setup::setup()?,
        Task::Build => build::build()?,
        Task::Appliance => {
            build::build()?;
            appliance::ensure()?;
        }
        Task::Image { cloud_init: false } => println!("{}", image::ensure()?.display()),
        Task::Image { cloud_init: true } => println!("{}", image::ensure_cloud()?.display()),
        Task::NetworkTree => println!("{}", network_tree::ensure()?.display()),
        Task::Deb => {
            for package in deb::deb()? {
                println!("{}", package.display());
            }
        }
        Task::Demo => demo::demo()?,
        Task::Ganeti { keep } => return Ok(ganeti::ganeti(*keep)?.report()),
        Task::Man => man::man()?,
        Task::Test { slow: true, .. } => return test::slow(),
        Task::Test { fast, .. } => return test::test(*fast),
        Task::Bench(Bench::Deploy { runs, alone }) => bench::deploy(*runs, *alone)?,
        Task::Bench(Bench::Copy { runs }) => bench::copy(*runs)?,
    }
    Ok(true)
}
