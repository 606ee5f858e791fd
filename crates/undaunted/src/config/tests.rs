//! Validation.

use super::*;

#[test]
fn the_default_is_the_documented_one() {
    let config = RetryConfig::default();
    assert_eq!(config.max_retries(), 3);
    assert_eq!(config.base_delay(), Duration::from_secs(1));
    assert_eq!(config.max_delay(), Duration::from_secs(60));
    assert!((config.exponential_base() - 2.0).abs() < f64::EPSILON);
    assert_eq!(config.jitter(), Jitter::Proportional(0.25));
    assert_eq!(RetryConfig::builder().build(), Ok(config));
}

#[test]
fn a_bad_number_is_an_error_that_names_field_and_value() {
    let infinity = f64::INFINITY;
    for bad in [f64::NAN, infinity, -infinity, -1.0, 0.0, 0.999] {
        let error = RetryConfig::builder()
            .exponential_base(bad)
            .build()
            .unwrap_err();
        assert_eq!(error.field(), "exponential_base");
        assert!(error.to_string().contains(&bad.to_string()), "{error}");
    }
    for bad in [f64::NAN, infinity, -0.1, 1.1] {
        let jitter = Jitter::Proportional(bad);
        let error = RetryConfig::builder().jitter(jitter).build().unwrap_err();
        assert_eq!(error.field(), "jitter");
        assert!(error.to_string().contains(&bad.to_string()), "{error}");
    }
}

#[test]
fn a_limit_of_zero_is_refused() {
    let zero = Some(Duration::ZERO);
    let error = RetryConfig::builder()
        .attempt_timeout(zero)
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "attempt_timeout is 0ns, but must be longer than zero; leave it out for no limit"
    );
    let error = RetryConfig::builder()
        .total_timeout(zero)
        .build()
        .unwrap_err();
    assert_eq!(error.field(), "total_timeout");
}

#[test]
fn presets_are_valid() {
    for preset in [
        RetryConfig::DEFAULT,
        RetryConfig::interactive(),
        RetryConfig::background(),
        RetryConfig::storage(),
    ] {
        assert_eq!(preset.to_builder().build(), Ok(preset));
    }
}
