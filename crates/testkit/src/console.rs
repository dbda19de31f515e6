//! Speaks with a machine's serial console: waits for a text, sends a line, runs a command.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a command on a logged-in console may take.
const COMMAND: Duration = Duration::from_secs(60);

/// A serial console. What was read and not waited for yet is kept.
#[derive(Debug)]
pub struct Console {
    stream: UnixStream,
    pending: Vec<u8>,
    everything: Vec<u8>,
}

impl Console {
    /// Takes the other end of a serial port.
    #[must_use]
    pub fn new(stream: UnixStream) -> Self {
        Console {
            stream,
            pending: Vec::new(),
            everything: Vec::new(),
        }
    }

    /// Waits until the machine has written `text`; gives what it wrote up to there.
    ///
    /// # Errors
    /// When that does not happen within `limit`, with the last lines that came instead.
    pub fn wait_for(&mut self, text: &str, limit: Duration) -> Result<String> {
        self.wait_for_any(&[text], limit)
    }

    fn wait_for_any(&mut self, texts: &[&str], limit: Duration) -> Result<String> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(found) = self.take_through(texts) {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!(
                    "no {texts:?} on the console within {limit:?}; its end:\n{}",
                    self.tail()
                );
            }
            self.receive(left).with_context(|| {
                format!(
                    "waiting for {texts:?}; the end of the console:\n{}",
                    self.tail()
                )
            })?;
        }
    }

    /// Types a line.
    ///
    /// # Errors
    /// When the machine is gone.
    pub fn send_line(&mut self, line: &str) -> Result<()> {
        self.stream
            .write_all(format!("{line}\n").as_bytes())
            .context("writing to the console")
    }

    /// Logs in with a password and starts a plain shell that echoes nothing.
    ///
    /// # Errors
    /// When there is no login prompt within `limit`, or the password is refused.
    pub fn login(&mut self, user: &str, password: &str, limit: Duration) -> Result<()> {
        self.wait_for("login: ", limit)?;
        self.send_line(user)?;
        self.wait_for("Password: ", COMMAND)?;
        self.send_line(password)?;
        // What is typed before the shell has its prompt is thrown away.
        let answer = self.wait_for_any(&["# ", "$ ", "Login incorrect"], COMMAND)?;
        if answer.ends_with("incorrect") {
            bail!("the password of {user} was refused");
        }
        self.send_line("stty -echo; exec env PS1= PS2= sh")?;
        // The quotes keep the echo of the line from looking like its result.
        self.send_line("echo logged''-in")?;
        self.wait_for("logged-in\r\n", COMMAND)?;
        Ok(())
    }

    /// Runs a command in the shell of [`Console::login`]; gives its output without the last
    /// line's end.
    ///
    /// # Errors
    /// When it fails or does not end within a minute.
    pub fn run(&mut self, command: &str) -> Result<String> {
        self.run_within(command, COMMAND)
    }

    /// Runs a command likewise that may take longer.
    ///
    /// # Errors
    /// When it fails or does not end within `limit`.
    pub fn run_within(&mut self, command: &str, limit: Duration) -> Result<String> {
        self.send_line(&format!("{{ {command}\n}} 2>&1; echo \"<status $?>\""))?;
        let said = self.wait_for("<status ", limit)?;
        let status = self.wait_for(">\r\n", COMMAND)?;
        let said = said.trim_end_matches("<status ").replace("\r\n", "\n");
        if status != "0>\r\n" {
            bail!(
                "{command}: status {}\n{said}",
                status.trim_end_matches(">\r\n")
            );
        }
        Ok(said.trim_end_matches('\n').to_owned())
    }

    /// Everything that the machine has written so far, as far as it was waited for.
    #[must_use]
    pub fn transcript(&self) -> String {
        String::from_utf8_lossy(&self.everything).into_owned()
    }

    /// Reads until the machine closes the port, which it does when it is switched off.
    ///
    /// # Errors
    /// When it does not within `limit`.
    pub fn wait_for_end(&mut self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.receive(left.max(Duration::from_millis(1))) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error).context("reading from the console"),
            }
        }
        bail!(
            "the machine is still on after {limit:?}; its console:\n{}",
            self.tail()
        )
    }

    /// Reads once, for at most `limit`. Nothing within that time is no error.
    fn receive(&mut self, limit: Duration) -> io::Result<()> {
        let mut block = [0; 4096];
        self.stream.set_read_timeout(Some(limit))?;
        match self.stream.read(&mut block) {
            Ok(0) => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the machine closed the console",
            )),
            Ok(read) => {
                let part = block.get(..read).unwrap_or_default();
                self.pending.extend_from_slice(part);
                self.everything.extend_from_slice(part);
                Ok(())
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the machine closed the console",
            )),
            Err(error) => Err(error),
        }
    }

    /// Takes everything up to the end of the first of these texts.
    fn take_through(&mut self, texts: &[&str]) -> Option<String> {
        let end = texts
            .iter()
            .filter_map(|text| {
                let mut windows = self.pending.windows(text.len());
                Some(windows.position(|window| window == text.as_bytes())? + text.len())
            })
            .min()?;
        let taken: Vec<_> = self.pending.drain(..end).collect();
        Some(String::from_utf8_lossy(&taken).into_owned())
    }

    fn tail(&self) -> String {
        let text = String::from_utf8_lossy(&self.everything);
        let lines: Vec<_> = text.lines().collect();
        let skipped = lines.len().saturating_sub(30);
        lines
            .into_iter()
            .skip(skipped)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    const SOON: Duration = Duration::from_secs(20);

    #[test]
    fn waiting_takes_what_was_waited_for_and_keeps_the_rest() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut console = Console::new(ours);
        theirs.write_all(b"boot\r\nname login: more").unwrap();
        assert_eq!(
            console.wait_for("login: ", SOON).unwrap(),
            "boot\r\nname login: "
        );
        assert_eq!(console.wait_for("more", SOON).unwrap(), "more");
        let error = console
            .wait_for("never", Duration::from_millis(10))
            .unwrap_err();
        assert!(error.to_string().contains("name login"), "{error}");
        drop(theirs);
        assert!(console.wait_for("never", SOON).is_err());
        console.wait_for_end(SOON).unwrap();
    }

    #[test]
    fn a_command_gives_its_output_or_its_failure() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let out: std::os::fd::OwnedFd = theirs.try_clone().unwrap().into();
        // A serial line ends its lines with a carriage return too; this shell has none.
        let mut shell = Command::new("sh")
            .args(["-c", "sh 2>&1 | sed -u 's/$/\\r/'"])
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .stdout(Stdio::from(out))
            .spawn()
            .unwrap();
        let mut console = Console::new(ours);
        assert_eq!(console.run("echo one; echo two").unwrap(), "one\ntwo");
        assert_eq!(console.run("true").unwrap(), "");
        let error = console.run("echo why; false").unwrap_err().to_string();
        assert!(
            error.contains("status 1") && error.contains("why"),
            "{error}"
        );
        console.send_line("exit").unwrap();
        shell.wait().unwrap();
    }
}
