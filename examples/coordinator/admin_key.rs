//! The first admin key: without one, nobody could make any other over HTTP.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use ai_market_core::access::{KeySpec, Keys, Role};
use ai_market_examples::Failure;

/// Makes an admin key where there is no live one, and shows it once: in `file`, or on standard
/// output.
pub(crate) async fn ensure(keys: &Keys, file: Option<&Path>) -> Result<(), Failure> {
    if keys.has_live(Role::Admin).await? {
        return Ok(());
    }
    // The file first: a key that cannot be handed over must not be made.
    let opened = match file {
        Some(path) => {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options
                .open(path)
                .map_err(|error| format!("cannot create {}: {error}", path.display()))?;
            Some((path, file))
        }
        None => None,
    };
    let issued = keys.create(KeySpec::new(Role::Admin)).await?;
    let key = issued.key.reveal();
    match opened {
        Some((path, mut file)) => {
            writeln!(file, "{key}").and_then(|()| file.sync_all())?;
            println!("the admin key was written to {}", path.display());
        }
        None => println!("the admin key, which is shown this once: {key}"),
    }
    Ok(())
}
