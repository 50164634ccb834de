# kms_room(NAME LIBS...): every .c file of the calling folder as the static library kms::NAME.
function(kms_room name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  if(sources)
    add_library(kms_${name} STATIC ${sources})
    target_include_directories(kms_${name} PUBLIC ${PROJECT_SOURCE_DIR}/lib)
    target_link_libraries(kms_${name} PUBLIC ${ARGN})
  else()
    add_library(kms_${name} INTERFACE)
    target_include_directories(kms_${name} INTERFACE ${PROJECT_SOURCE_DIR}/lib)
    target_link_libraries(kms_${name} INTERFACE ${ARGN})
  endif()
  add_library(kms::${name} ALIAS kms_${name})
endfunction()

# kms_unit_test(NAME [SCARCE] SOURCES... LIBS...): a cmocka program that is one ctest test, label unit.
# SCARCE: memory runs out when it says so (tests/unit/scarce.h).
function(kms_unit_test name)
  cmake_parse_arguments(ARG "SCARCE" "" "SOURCES;LIBS" ${ARGN})
  add_executable(test_${name} ${ARG_SOURCES})
  if(ARG_SCARCE)
    target_sources(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/unit/scarce.c)
    foreach(function malloc calloc realloc)
      target_link_options(test_${name} PRIVATE LINKER:--wrap=${function})
    endforeach()
  endif()
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(test_${name} PRIVATE ${ARG_LIBS} PkgConfig::CMOCKA)
  target_compile_definitions(test_${name} PRIVATE
    KMSMON_SOURCE_DIR="${PROJECT_SOURCE_DIR}" KMSMON_DATA_DIR="${PROJECT_SOURCE_DIR}/data")
  add_test(NAME unit.${name} COMMAND test_${name})
  set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 120
    ENVIRONMENT "${KMSMON_TEST_ENVIRONMENT}")
endfunction()

# kms_script_test(NAME SCRIPT LABEL TIMEOUT ARGS...): a shell test; exit 77 = skipped, with its reason printed.
function(kms_script_test name)
  cmake_parse_arguments(ARG "" "SCRIPT;LABEL;TIMEOUT" "ARGS" ${ARGN})
  add_test(NAME ${name} COMMAND ${ARG_SCRIPT} ${ARG_ARGS})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT}
    SKIP_RETURN_CODE 77
    ENVIRONMENT "${KMSMON_TEST_ENVIRONMENT};KMSMON_SOURCE=${PROJECT_SOURCE_DIR};KMSMON_BUILD=${PROJECT_BINARY_DIR}")
endfunction()
