// Functions of the product that the linker puts ours in front of (--wrap, see tests.mk):
// WRAPPED(f) is called in place of f from other files, REAL(f) is f itself.
#ifndef WEIR_TESTS_SIMULATION_WRAP_H
#define WEIR_TESTS_SIMULATION_WRAP_H

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the linker chose the names.
#define WRAPPED(name) __wrap_##name
#define REAL(name) __real_##name
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

#endif
