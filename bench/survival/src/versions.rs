//! The versions of the clients, from the lock file.

/// The version of a package, the newest if there are several.
pub fn of(package: &str) -> String {
    let wanted = format!("name = \"{package}\"");
    let mut lines = LOCK.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line == wanted {
            let version = lines.next().and_then(|line| line.split('"').nth(1));
            found.extend(version);
        }
    }
    found.sort_unstable();
    match found.pop() {
        Some(version) => version.to_owned(),
        None => "?".to_owned(),
    }
}

const LOCK: &str = include_str!("../../Cargo.lock");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_are_in_the_lock_file() {
        for package in [
            "aws-sdk-s3",
            "object_store",
            "opendal",
            "undaunted-object-store",
        ] {
            assert!(of(package).contains('.'), "{package}");
        }
    }
}
