//! A connection with or without TLS.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::super::dial::Bounded;
use super::super::download::Trouble;
use super::super::options::Options;

/// Bytes to and from the server.
pub(super) enum Channel {
    /// As they are.
    Plain(Bounded),
    /// Protected.
    Tls(Box<StreamOwned<ClientConnection, Bounded>>),
}

impl Channel {
    /// Protects a connection. It is spoken for the first time when something is read or written.
    pub(super) fn tls(
        connection: Bounded,
        config: &Arc<ClientConfig>,
        host: &str,
    ) -> Result<Self, Trouble> {
        let failed = |reason: &dyn std::fmt::Display| Trouble::Final(reason.to_string());
        let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
        let client = ClientConnection::new(Arc::clone(config), name);
        let client = client.map_err(|error| failed(&error))?;
        Ok(Channel::Tls(Box::new(StreamOwned::new(client, connection))))
    }

    pub(super) fn connection(&mut self) -> &mut Bounded {
        match self {
            Channel::Plain(connection) => connection,
            Channel::Tls(stream) => &mut stream.sock,
        }
    }

    /// Gives it so much time from now on.
    pub(super) fn allow(&mut self, time: Duration) {
        self.connection().allow(time);
    }
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Channel::Plain(connection) => connection.read(buffer),
            Channel::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Channel {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Channel::Plain(connection) => connection.write(buffer),
            Channel::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Channel::Plain(connection) => connection.flush(),
            Channel::Tls(stream) => stream.flush(),
        }
    }
}

/// How servers are known: by the system's authorities, or those of FETCH_CA_FILE. One for all
/// connections, since servers want the session of the first to be resumed for data.
pub(super) fn tls(options: &Options) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let config = match &options.authorities {
        Some(pem) => builder.with_root_certificates(roots(pem)?),
        None => {
            let verifier = rustls_platform_verifier::Verifier::new(provider);
            let verifier = verifier.map_err(|error| error.to_string())?;
            builder
                // It checks certificates: what could be dangerous is to give one that does not.
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
        }
    };
    Ok(Arc::new(config.with_no_client_auth()))
}

fn roots(pem: &str) -> Result<RootCertStore, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let certificates =
        certificates.map_err(|_| "FETCH_CA_FILE does not hold certificates in PEM")?;
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err("FETCH_CA_FILE holds no certificate in PEM".into());
    }
    Ok(roots)
}
