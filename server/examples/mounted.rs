//! The watch server inside an application that has routes of its own.
//!
//! ```sh
//! DEVICE_TOKEN=sleepy OPERATOR_TOKEN=boss cargo run -p dormouse-server --example mounted
//!
//! curl -N -H 'Authorization: Bearer sleepy' \
//!     'http://127.0.0.1:8080/api/v1/watch?protocolVersion=2.2.0'
//! curl -H 'Authorization: Bearer boss' -d '{"url":"wss://relay.example/7","token":"a-way-in"}' \
//!     http://127.0.0.1:8080/api/v1/devices/camera-7/wake
//! ```
//!
//! Ctrl-C drains it.

use std::env;
use std::error::Error;

use axum::Router;
use axum::routing::get;
use dormouse_server::{Config, Directory, Server};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let directory = Directory::new()
        .device("camera-7", &env::var("DEVICE_TOKEN")?)?
        .operator(&env::var("OPERATOR_TOKEN")?)?;
    let mut config = Config::builder(directory);
    if let Some(path) = env::var_os("STATE_FILE") {
        config = config.state_file(path);
    }
    let server = Server::new(config.build()?)?;

    let app = Router::new()
        .route("/", get(async || "an application with a sleeping camera\n"))
        .nest("/api", server.router());
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without the signal there is no end but the process's own.
            core::future::pending::<()>().await;
        }
    };
    server.serve(listener, app, ctrl_c).await;
    Ok(())
}
