/* Every code of the specification has its outcome and reaction; what is not known is a fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "wsman/fault.h"

static struct kms_soap_fault coded(uint32_t code)
{
    return (struct kms_soap_fault){.code_known = true, .code = code};
}

static const struct {
    uint32_t code;
    enum kms_outcome outcome;
    enum kms_wsman_reaction reaction;
} codes[] = {
    {5, KMS_OUTCOME_WSMAN_DENIED, KMS_WSMAN_GIVE_UP},
    {2147942405U, KMS_OUTCOME_WSMAN_DENIED, KMS_WSMAN_GIVE_UP},
    {2147749891U, KMS_OUTCOME_WSMAN_NAMESPACE, KMS_WSMAN_GIVE_UP},
    {2150859012U, KMS_OUTCOME_WSMAN_NAMESPACE, KMS_WSMAN_GIVE_UP},
    {2150859013U, KMS_OUTCOME_WSMAN_NAMESPACE, KMS_WSMAN_GIVE_UP},
    {2150859014U, KMS_OUTCOME_WSMAN_NAMESPACE, KMS_WSMAN_GIVE_UP},
    {0xC004F025U, KMS_OUTCOME_WSMAN_NAMESPACE, KMS_WSMAN_GIVE_UP},
    {2150858778U, KMS_OUTCOME_WSMAN_NO_CLASS, KMS_WSMAN_TRY_OLDER},
    {2147749904U, KMS_OUTCOME_WSMAN_NO_CLASS, KMS_WSMAN_TRY_OLDER},
    {2147749902U, KMS_OUTCOME_WSMAN_NO_CLASS, KMS_WSMAN_TRY_OLDER},
    {2147749911U, KMS_OUTCOME_WSMAN_NO_CLASS, KMS_WSMAN_TRY_OLDER},
    {2150858752U, KMS_OUTCOME_WSMAN_NO_CLASS, KMS_WSMAN_GIVE_UP},
    {2150858770U, KMS_OUTCOME_WSMAN_NO_CLASS, KMS_WSMAN_GIVE_UP},
    {2150859002U, KMS_OUTCOME_WSMAN_FAULT, KMS_WSMAN_GIVE_UP},
    {2150859003U, KMS_OUTCOME_WSMAN_FAULT, KMS_WSMAN_GIVE_UP},
    {2150858793U, KMS_OUTCOME_WSMAN_SLOW, KMS_WSMAN_TRY_AGAIN},
    {2150858779U, KMS_OUTCOME_WSMAN_EXPIRED, KMS_WSMAN_START_AGAIN},
    {2150858780U, KMS_OUTCOME_WSMAN_EXPIRED, KMS_WSMAN_START_AGAIN},
    {2150858823U, KMS_OUTCOME_WSMAN_ENVELOPE, KMS_WSMAN_GIVE_UP},
    {2150858824U, KMS_OUTCOME_WSMAN_ENVELOPE, KMS_WSMAN_GIVE_UP},
    {2150858825U, KMS_OUTCOME_WSMAN_ENVELOPE, KMS_WSMAN_GIVE_UP},
    {2150858790U, KMS_OUTCOME_WSMAN_ENVELOPE, KMS_WSMAN_GIVE_UP},
    {2150858805U, KMS_OUTCOME_WSMAN_ENVELOPE, KMS_WSMAN_GIVE_UP},
    {2150858878U, KMS_OUTCOME_WSMAN_ENVELOPE, KMS_WSMAN_GIVE_UP},
    {2150858815U, KMS_OUTCOME_WSMAN_QUOTA, KMS_WSMAN_BACK_OFF},
    {2150859173U, KMS_OUTCOME_WSMAN_QUOTA, KMS_WSMAN_BACK_OFF},
    {2150859174U, KMS_OUTCOME_WSMAN_QUOTA, KMS_WSMAN_BACK_OFF},
    {2150859175U, KMS_OUTCOME_WSMAN_QUOTA, KMS_WSMAN_BACK_OFF},
    {2150859176U, KMS_OUTCOME_WSMAN_QUOTA, KMS_WSMAN_BACK_OFF},
    {2150859179U, KMS_OUTCOME_WSMAN_QUOTA, KMS_WSMAN_BACK_OFF},
    {2150859236U, KMS_OUTCOME_WSMAN_QUOTA, KMS_WSMAN_BACK_OFF},
    {2150859237U, KMS_OUTCOME_WSMAN_QUOTA, KMS_WSMAN_BACK_OFF},
    {2150859238U, KMS_OUTCOME_WSMAN_QUOTA, KMS_WSMAN_BACK_OFF},
    {2150859239U, KMS_OUTCOME_WSMAN_QUOTA, KMS_WSMAN_BACK_OFF},
    {2150859240U, KMS_OUTCOME_WSMAN_QUOTA, KMS_WSMAN_BACK_OFF},
    {2147749996U, KMS_OUTCOME_WSMAN_QUOTA, KMS_WSMAN_BACK_OFF},
    {2150859181U, KMS_OUTCOME_WSMAN_FAULT, KMS_WSMAN_GIVE_UP},
    {2150858817U, KMS_OUTCOME_WSMAN_FAULT, KMS_WSMAN_GIVE_UP},
    {2147749938U, KMS_OUTCOME_WSMAN_SLOW, KMS_WSMAN_TRY_AGAIN},
    {2147749907U, KMS_OUTCOME_WSMAN_FAULT, KMS_WSMAN_TRY_AGAIN},
    {2147749892U, KMS_OUTCOME_WSMAN_FAULT, KMS_WSMAN_TRY_AGAIN},
    {1722, KMS_OUTCOME_WSMAN_FAULT, KMS_WSMAN_TRY_AGAIN}, /* as a bare number of Win32 */
    {2147942606U, KMS_OUTCOME_WSMAN_FAULT, KMS_WSMAN_GIVE_UP},
    {0xC004F06CU, KMS_OUTCOME_WSMAN_FAULT, KMS_WSMAN_GIVE_UP},
    {1, KMS_OUTCOME_WSMAN_FAULT, KMS_WSMAN_GIVE_UP},
};

static void every_code_has_its_outcome_and_reaction(void **state)
{
    (void)state;
    for (size_t i = 0; i < KMS_COUNT_OF(codes); i++) {
        struct kms_soap_fault fault = coded(codes[i].code);
        struct kms_wsman_verdict verdict = kms_wsman_judge_fault(&fault);
        if (verdict.outcome != codes[i].outcome || verdict.reaction != codes[i].reaction ||
            !verdict.advice) {
            fail_msg("%u: %d %d", codes[i].code, (int)verdict.outcome, (int)verdict.reaction);
        }
    }
}

static void the_provider_is_heard_first(void **state)
{
    (void)state;
    struct kms_soap_fault fault = coded(2150858778U);
    fault.provider_known = true;
    fault.provider_code = 0x80041003U;
    assert_int_equal(kms_wsman_judge_fault(&fault).outcome, KMS_OUTCOME_WSMAN_NAMESPACE);
    fault.provider_code = 0x8004106CU;
    assert_int_equal(kms_wsman_judge_fault(&fault).reaction, KMS_WSMAN_BACK_OFF);
    fault.provider_code = 0x80049999U; /* it says nothing, so WinRM's code counts */
    assert_int_equal(kms_wsman_judge_fault(&fault).reaction, KMS_WSMAN_TRY_OLDER);
    fault = coded(0x80070005U);
    fault.provider_known = true;
    fault.provider_code = 5;
    assert_int_equal(kms_wsman_judge_fault(&fault).outcome, KMS_OUTCOME_WSMAN_NAMESPACE);
}

static void without_a_known_code_the_subcode_counts(void **state)
{
    (void)state;
    static const struct {
        const char *subcode;
        enum kms_outcome outcome;
        enum kms_wsman_reaction reaction;
    } all[] = {
        {"AccessDenied", KMS_OUTCOME_WSMAN_DENIED, KMS_WSMAN_GIVE_UP},
        {"CannotProcessFilter", KMS_OUTCOME_WSMAN_NO_CLASS, KMS_WSMAN_TRY_OLDER},
        {"InvalidEnumerationContext", KMS_OUTCOME_WSMAN_EXPIRED, KMS_WSMAN_START_AGAIN},
        {"TimedOut", KMS_OUTCOME_WSMAN_SLOW, KMS_WSMAN_TRY_AGAIN},
        {"QuotaLimit", KMS_OUTCOME_WSMAN_QUOTA, KMS_WSMAN_BACK_OFF},
        {"EncodingLimit", KMS_OUTCOME_WSMAN_ENVELOPE, KMS_WSMAN_GIVE_UP},
        {"InvalidResourceURI", KMS_OUTCOME_WSMAN_NO_CLASS, KMS_WSMAN_GIVE_UP},
        {"DestinationUnreachable", KMS_OUTCOME_WSMAN_NO_CLASS, KMS_WSMAN_GIVE_UP},
        {"SchemaValidationError", KMS_OUTCOME_WSMAN_FAULT, KMS_WSMAN_GIVE_UP},
        {"InternalError", KMS_OUTCOME_WSMAN_FAULT, KMS_WSMAN_GIVE_UP},
        {"", KMS_OUTCOME_WSMAN_FAULT, KMS_WSMAN_GIVE_UP},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(all); i++) {
        struct kms_soap_fault fault = {0};
        kms_text_copy(fault.subcode, sizeof fault.subcode, all[i].subcode);
        struct kms_wsman_verdict verdict = kms_wsman_judge_fault(&fault);
        assert_int_equal(verdict.outcome, all[i].outcome);
        assert_int_equal(verdict.reaction, all[i].reaction);
        fault.code_known = true;
        fault.code = 0x80338FFFU;
        assert_int_equal(kms_wsman_judge_fault(&fault).outcome, all[i].outcome);
    }
}

static void words_of_the_host_decide_nothing(void **state)
{
    (void)state;
    struct kms_soap_fault fault = coded(0x80049999U);
    kms_text_copy(fault.text, sizeof fault.text, "Access is denied. AccessDenied 0x80041003");
    assert_int_equal(kms_wsman_judge_fault(&fault).outcome, KMS_OUTCOME_WSMAN_FAULT);
}

static void expect_text(const struct kms_soap_fault *fault, const char *expected)
{
    char text[512];
    kms_wsman_fault_text(fault, text, sizeof text);
    assert_string_equal(text, expected);
}

static void the_text_has_codes_and_their_names(void **state)
{
    (void)state;
    struct kms_soap_fault fault = {0};
    expect_text(&fault, "a fault without a code");
    kms_text_copy(fault.subcode, sizeof fault.subcode, "InternalError");
    expect_text(&fault, "InternalError");
    kms_text_copy(fault.text, sizeof fault.text, "No.");
    expect_text(&fault, "InternalError: No.");
    fault.code_known = true;
    fault.code = 0x8033801AU;
    fault.provider_known = true;
    fault.provider_code = 0x8033801AU;
    expect_text(&fault,
                "0x8033801A ERROR_WSMAN_ENUMERATE_CANNOT_PROCESS_FILTER (InternalError): No.");
    fault.provider_code = 0x80041010U;
    expect_text(&fault, "0x8033801A ERROR_WSMAN_ENUMERATE_CANNOT_PROCESS_FILTER (InternalError), "
                        "provider 0x80041010 WBEM_E_INVALID_CLASS: No.");
    fault = coded(5);
    expect_text(&fault, "0x00000005 E_ACCESSDENIED");
    fault = coded(0xC004F06CU);
    expect_text(&fault, "0xC004F06C SL_E_VL_INVALID_TIMESTAMP");
    fault = coded(0x80049999U);
    expect_text(&fault, "0x80049999");
}

static void a_text_that_is_too_long_is_cut(void **state)
{
    (void)state;
    struct kms_soap_fault fault = coded(5);
    memset(fault.text, 'x', sizeof fault.text - 1);
    char text[20];
    kms_wsman_fault_text(&fault, text, sizeof text);
    assert_string_equal(text, "0x00000005 E_ACCESS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_outcome_and_reaction),
        cmocka_unit_test(the_provider_is_heard_first),
        cmocka_unit_test(without_a_known_code_the_subcode_counts),
        cmocka_unit_test(words_of_the_host_decide_nothing),
        cmocka_unit_test(the_text_has_codes_and_their_names),
        cmocka_unit_test(a_text_that_is_too_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
