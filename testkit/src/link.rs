//! The server's end of one connection, with TLS or without.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Whether a server speaks TLS.
pub(crate) enum Security {
    None,
    Tls(Arc<ServerConfig>),
}

pub(crate) enum Link {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Link {
    pub(crate) fn plain(stream: TcpStream) -> Self {
        Self::Plain(stream)
    }

    /// Puts TLS around a connection that has none. The handshake comes with the first read.
    pub(crate) fn secure(self, security: &Security) -> io::Result<Self> {
        match (self, security) {
            (Self::Plain(stream), Security::Tls(config)) => {
                let session =
                    ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                Ok(Self::Tls(Box::new(StreamOwned::new(session, stream))))
            }
            (link, _) => Ok(link),
        }
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }

    /// Whether the client has closed it. Bytes that it sent are left where they are.
    pub(crate) fn is_closed(&self) -> io::Result<bool> {
        let socket = self.socket();
        socket.set_read_timeout(Some(Duration::from_millis(1)))?;
        let peeked = socket.peek(&mut [0]);
        socket.set_read_timeout(None)?;
        match peeked {
            Ok(length) => Ok(length == 0),
            Err(error) => Ok(!matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)),
        }
    }

    /// The proper end: what TLS says at the end, if it is spoken, and then the connection's own.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            stream.conn.write_tls(&mut stream.sock)?;
        }
        self.socket().shutdown(Shutdown::Write)
    }
}

impl Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
