# Each function gives the address or the value of something by another kind of reference, for literals_main.c. What begins
# with `here` is of this object, with `there` of literals_main.c.

        .macro  begin name
        .globl  \name
        .type   \name, @function
        .balign 2
\name:
        .endm

        .text

        # A literal pool behind the code, by its own base register: addresses, distances, numbers.
begin   poolAddress
        larl    %r1, pool
        lg      %r2, absolute - pool(%r1)
        br      %r14
begin   poolDistance
        larl    %r1, pool
        lgr     %r2, %r1
        aghi    %r2, distance - pool
        ag      %r2, distance - pool(%r1)
        br      %r14
begin   poolShortDistance
        larl    %r1, pool
        lgr     %r2, %r1
        aghi    %r2, short - pool
        lgf     %r3, short - pool(%r1)
        agr     %r2, %r3
        br      %r14
begin   poolPLT
        larl    %r1, plt
        ag      %r1, 0(%r1)
        br      %r1
begin   poolGOT
        larl    %r3, _GLOBAL_OFFSET_TABLE_
        larl    %r1, pool
        lg      %r1, slot - pool(%r1)
        lg      %r2, 0(%r1, %r3)
        br      %r14
begin   poolGOTOFF
        larl    %r3, _GLOBAL_OFFSET_TABLE_
        larl    %r1, pool
        lg      %r2, offset - pool(%r1)
        agr     %r2, %r3
        br      %r14
begin   poolPLTOFF
        larl    %r3, _GLOBAL_OFFSET_TABLE_
        larl    %r1, pool
        ag      %r3, code - pool(%r1)
        br      %r3

        .balign 8
pool:
absolute:
        .quad   thereValue + 8
distance:
        .quad   hereValue - .
short:  .long   hereValue - .
        .balign 8
plt:    .quad   thereFunction@PLT
slot:   .quad   thereValue@GOT
offset: .quad   hereValue@GOTOFF
code:   .quad   thereFunction@PLTOFF

        # Relative to the instruction, into data: addresses, loads, stores, comparisons.
begin   relativeAddress
        larl    %r2, thereValue + 8
        br      %r14
begin   relativeLoads
        lgrl    %r2, thereValue
        lgfrl   %r3, thereValue + 4
        agr     %r2, %r3
        lghrl   %r3, thereValue + 6
        agr     %r2, %r3
        llghrl  %r3, hereValue + 2
        agr     %r2, %r3
        br      %r14
begin   relativeStore
        stgrl   %r2, hereOther
        strl    %r2, hereOther
        sthrl   %r2, hereOther + 6
        lgrl    %r2, hereOther
        br      %r14
begin   relativeCompare
        cgrl    %r2, thereValue
        lghi    %r2, 1
        ber     %r14
        lghi    %r2, 0
        br      %r14

        # Through the GOT: relative, and with displacements of 12 and 20 bits.
begin   slotRelative
        lgrl    %r2, thereValue@GOTENT
        br      %r14
begin   slotShort
        larl    %r3, _GLOBAL_OFFSET_TABLE_
        la      %r1, thereOther@GOT(%r3)
        lg      %r2, 0(%r1)
        br      %r14
begin   slotLong
        larl    %r3, _GLOBAL_OFFSET_TABLE_
        lg      %r2, hereOther@GOT(%r3)
        br      %r14

        # Displacements that another object defines.
begin   displacementShort
        la      %r2, displacement12(%r2)
        br      %r14
begin   displacementLong
        lay     %r2, displacement20(%r2)
        br      %r14
begin   displacementNegative
        lay     %r2, displacementBelow(%r2)
        br      %r14

        # Calls and branches.
begin   calls
        stmg    %r14, %r15, 112(%r15)
        lay     %r15, -160(%r15)
        brasl   %r14, thereFunction@PLT
        brasl   %r14, thereFunction
        brasl   %r14, hereFunction
        brasl   %r14, labs@PLT
        lmg     %r14, %r15, 272(%r15)
        br      %r14
begin   branch
        ltgr    %r2, %r2
        brcl    4, thereFunction@PLT
        jg      hereFunction
begin   shortBranch
        chi     %r2, 5
        brc     8, hereFunction
        brct    %r2, hereFunction
        lghi    %r2, -1
        br      %r14
begin   hereFunction
        aghi    %r2, 7
        br      %r14

        # Executed with a length from a register: an instruction of this section, and one of another.
begin   executeHere
        lgr     %r1, %r4
        aghi    %r1, -1
        exrl    %r1, move
        br      %r14
move:   mvc     0(1, %r2), 0(%r3)
begin   executeThere
        lgr     %r1, %r4
        aghi    %r1, -1
        exrl    %r1, exclusiveOr
        br      %r14

        .section .text.targets, "ax", @progbits
        .balign 2
        .globl  exclusiveOr
exclusiveOr:
        xc      0(1, %r2), 0(%r3)

        .data
        .balign 8
        .globl  hereValue, hereOther
hereValue:
        .quad   0x1122334455667788
hereOther:
        .quad   0

        .section .note.GNU-stack, "", @progbits
