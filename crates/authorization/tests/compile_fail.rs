//! What must not compile, and what the compiler then advises.

#[test]
fn a_handler_that_does_not_say_who_may_call_it_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/compile_fail/declared.rs");
    cases.compile_fail("tests/compile_fail/undeclared.rs");
    cases.compile_fail("tests/compile_fail/no_arguments.rs");
    cases.compile_fail("tests/compile_fail/forged_proof.rs");
    cases.compile_fail("tests/compile_fail/opened_name.rs");
    cases.compile_fail("tests/compile_fail/own_access.rs");
    cases.compile_fail("tests/compile_fail/proof_in_second_place.rs");
    cases.compile_fail("tests/compile_fail/two_proofs.rs");
    cases.compile_fail("tests/compile_fail/own_action.rs");
}
