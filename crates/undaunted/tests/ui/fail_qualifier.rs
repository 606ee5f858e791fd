use std::io;
use undaunted::retry;

#[retry]
const fn constant() -> io::Result<()> {
    Ok(())
}

#[retry]
#[allow(improper_ctypes_definitions)]
extern "C" fn foreign() -> io::Result<()> {
    Ok(())
}

fn main() {
    let _ = (constant(), foreign());
}
