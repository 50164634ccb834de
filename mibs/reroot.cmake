# kms_reroot_mibs(ROOT OUT): copies of the MIB texts under another root, and the root as a C header.
function(kms_reroot_mibs root out)
  set(enterprises "1.3.6.1.4.1.")
  string(FIND "${root}" "${enterprises}" at)
  string(LENGTH "${enterprises}" length)
  if(NOT at EQUAL 0 OR NOT root MATCHES "^[0-9]+(\\.(0|[1-9][0-9]*))+$")
    message(FATAL_ERROR "KMSMON_MIB_ROOT is '${root}': an OID below ${enterprises} is needed, "
                        "such as 1.3.6.1.4.1.8072.9999.9999.1688")
  endif()
  string(SUBSTRING "${root}" ${length} -1 below)
  string(REPLACE "." ";" arcs "${below}")
  list(LENGTH arcs count)
  # The longest instance has 6 more numbers, and an OID has at most 128; nobody's root is that deep.
  if(count GREATER 32)
    message(FATAL_ERROR "KMSMON_MIB_ROOT has more than 32 numbers below ${enterprises}")
  endif()
  foreach(arc ${arcs})
    string(LENGTH "${arc}" digits)
    # Net-SNMP's tools read no larger number out of a MIB text.
    if(digits GREATER 10 OR arc GREATER 2147483647)
      message(FATAL_ERROR "KMSMON_MIB_ROOT: ${arc} is more than 2147483647")
    endif()
  endforeach()

  # Every number but the last gets a name: SMIv2 wants none of them to be implicit.
  set(path "enterprises")
  list(POP_BACK arcs last)
  set(names "")
  if(below MATCHES "^8072\\.9999\\.9999\\.[0-9]+$")
    set(names netSnmp netSnmpExperimental netSnmpPlaypen)
  endif()
  set(number 0)
  foreach(arc ${arcs})
    if(names)
      list(GET names ${number} name)
      math(EXPR number "${number} + 1")
    else()
      math(EXPR number "${number} + 1")
      set(name kmsmonArc${number})
    endif()
    string(APPEND path " ${name}(${arc})")
  endforeach()
  string(APPEND path " ${last}")

  foreach(module KMSMON-MIB KMSMON-TC-MIB)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
      ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${module}.txt)
    file(READ ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${module}.txt text)
    string(FIND "${text}" "::= { enterprises " from)
    if(from EQUAL -1)
      message(FATAL_ERROR "mibs/${module}.txt: the OID of its MODULE-IDENTITY was not found")
    endif()
    string(SUBSTRING "${text}" 0 ${from} before)
    string(SUBSTRING "${text}" ${from} -1 after)
    string(FIND "${after}" "}" to)
    math(EXPR to "${to} + 1")
    string(SUBSTRING "${after}" ${to} -1 after)
    set(below_root "")
    if(module STREQUAL "KMSMON-TC-MIB")
      set(below_root " 3")
    endif()
    set(rooted "${before}::= { ${path}${below_root} }${after}")
    file(CONFIGURE OUTPUT ${out}/mibs/${module}.txt CONTENT "${rooted}" @ONLY)
  endforeach()

  string(REPLACE "." "," commas "${root}")
  file(CONFIGURE OUTPUT ${out}/generated/kmsmon_root.h @ONLY CONTENT
"/* The OID that KMSMON-MIB is rooted at, as it was configured. */
#ifndef KMSMON_ROOT_H
#define KMSMON_ROOT_H

#define KMSMON_MIB_ROOT      @commas@
#define KMSMON_MIB_ROOT_TEXT \"@root@\"

#endif
")
endfunction()
