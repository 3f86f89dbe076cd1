"""Published paths of privilege escalation: what each is called, and the actions that it requires; facts only.

Sources: https://github.com/DataDog/pathfinding.cloud (data/paths, 2025-12-17), the modules that
https://github.com/DataDog/pathrunner has beyond these (2026-08-04; two of its ids differ),
https://github.com/RhinoSecurityLabs/AWS-IAM-Privilege-Escalation (README), https://github.com/BishopFox/iam-vulnerable
(modules/free-resources/privesc-paths).
"""

PATHFINDING = """
apprunner-001 iam:PassRole apprunner:CreateService
apprunner-002 apprunner:UpdateService
bedrock-001 iam:PassRole bedrock-agentcore:CreateCodeInterpreter bedrock-agentcore:StartCodeInterpreterSession
bedrock-002 bedrock-agentcore:StartCodeInterpreterSession bedrock-agentcore:InvokeCodeInterpreter
cloudformation-001 iam:PassRole cloudformation:CreateStack
cloudformation-002 cloudformation:UpdateStack
cloudformation-003 iam:PassRole cloudformation:CreateStackSet cloudformation:CreateStackInstances
cloudformation-004 iam:PassRole cloudformation:UpdateStackSet
cloudformation-005 cloudformation:CreateChangeSet cloudformation:ExecuteChangeSet
codebuild-001 iam:PassRole codebuild:CreateProject codebuild:StartBuild
codebuild-002 codebuild:StartBuild
codebuild-003 codebuild:StartBuildBatch
codebuild-004 iam:PassRole codebuild:CreateProject codebuild:StartBuildBatch
datapipeline-001 iam:PassRole datapipeline:CreatePipeline datapipeline:PutPipelineDefinition
ec2-001 iam:PassRole ec2:RunInstances
ec2-002 ec2:ModifyInstanceAttribute ec2:StopInstances ec2:StartInstances
ec2-003 iam:PassRole ec2:RequestSpotInstances
ec2-004 ec2:CreateLaunchTemplateVersion ec2:ModifyLaunchTemplate
ec2instanceconnect-003 ec2-instance-connect:SendSSHPublicKey ec2:DescribeInstances
ecs-001 iam:PassRole ecs:CreateCluster ecs:RegisterTaskDefinition ecs:CreateService
ecs-002 iam:PassRole ecs:CreateCluster ecs:RegisterTaskDefinition ecs:RunTask
ecs-003 iam:PassRole ecs:RegisterTaskDefinition ecs:CreateService
ecs-004 iam:PassRole ecs:RegisterTaskDefinition ecs:RunTask
ecs-005 iam:PassRole ecs:RegisterTaskDefinition ecs:StartTask
glue-001 iam:PassRole glue:CreateDevEndpoint
glue-002 glue:UpdateDevEndpoint
glue-003 iam:PassRole glue:CreateJob glue:StartJobRun
glue-004 iam:PassRole glue:CreateJob glue:CreateTrigger
glue-005 iam:PassRole glue:UpdateJob glue:StartJobRun
glue-006 iam:PassRole glue:UpdateJob glue:CreateTrigger
iam-001 iam:CreatePolicyVersion
iam-002 iam:CreateAccessKey
iam-003 iam:CreateAccessKey iam:DeleteAccessKey
iam-004 iam:CreateLoginProfile
iam-005 iam:PutRolePolicy
iam-006 iam:UpdateLoginProfile
iam-007 iam:PutUserPolicy
iam-008 iam:AttachUserPolicy
iam-009 iam:AttachRolePolicy
iam-010 iam:AttachGroupPolicy
iam-011 iam:PutGroupPolicy
iam-012 iam:UpdateAssumeRolePolicy
iam-013 iam:AddUserToGroup
iam-014 iam:AttachRolePolicy sts:AssumeRole
iam-015 iam:AttachUserPolicy iam:CreateAccessKey
iam-016 iam:CreatePolicyVersion sts:AssumeRole
iam-017 iam:PutRolePolicy sts:AssumeRole
iam-018 iam:PutUserPolicy iam:CreateAccessKey
iam-019 iam:AttachRolePolicy iam:UpdateAssumeRolePolicy
iam-020 iam:CreatePolicyVersion iam:UpdateAssumeRolePolicy
iam-021 iam:PutRolePolicy iam:UpdateAssumeRolePolicy
lambda-001 iam:PassRole lambda:CreateFunction lambda:InvokeFunction
lambda-002 iam:PassRole lambda:CreateFunction lambda:CreateEventSourceMapping
lambda-003 lambda:UpdateFunctionCode
lambda-004 lambda:UpdateFunctionCode lambda:InvokeFunction
lambda-005 lambda:UpdateFunctionCode lambda:AddPermission
lambda-006 iam:PassRole lambda:CreateFunction lambda:AddPermission
sagemaker-001 iam:PassRole sagemaker:CreateNotebookInstance
sagemaker-002 iam:PassRole sagemaker:CreateTrainingJob
sagemaker-003 iam:PassRole sagemaker:CreateProcessingJob
sagemaker-004 sagemaker:CreatePresignedNotebookInstanceUrl
sagemaker-005 sagemaker:CreateNotebookInstanceLifecycleConfig sagemaker:UpdateNotebookInstance
ssm-001 ssm:StartSession
ssm-002 ssm:SendCommand
sts-001 sts:AssumeRole
"""
PATHRUNNER = """
batch-001 iam:PassRole batch:RegisterJobDefinition batch:SubmitJob
batch-002 batch:SubmitJob
batch-003 iam:PassRole batch:CreateComputeEnvironment batch:CreateJobQueue batch:RegisterJobDefinition batch:SubmitJob
bedrock-003 iam:PassRole bedrock-agentcore:CreateAgentRuntime
bedrock-004 bedrock-agentcore:InvokeAgentRuntimeCommand
bedrock-005 iam:PassRole bedrock-agentcore:CreateHarness
bedrock-006 iam:PassRole bedrock-agentcore:CreateBrowser
bedrock-007 bedrock-agentcore:StartBrowserSession bedrock-agentcore:ConnectBrowserAutomationStream
braket-001 iam:PassRole braket:CreateJob
codedeploy-001 codedeploy:CreateDeployment
cognitoidentity-001 iam:PassRole cognito-identity:SetIdentityPoolRoles
ecs-006 ecs:ExecuteCommand ecs:DescribeTasks
ecs-007 iam:PassRole ecs:RegisterContainerInstance ecs:StartTask
ecs-008 iam:PassRole ecs:RunTask
ecs-009 iam:PassRole ecs:StartTask
emr-001 iam:PassRole elasticmapreduce:RunJobFlow
emrserverless-001 iam:PassRole emr-serverless:CreateApplication emr-serverless:StartJobRun
gamelift-001 iam:PassRole gamelift:CreateBuild gamelift:CreateFleet gamelift:RequestUploadCredentials
glue-007 iam:PassRole glue:CreateSession glue:RunStatement
imagebuilder-001 iam:PassRole imagebuilder:CreateInfrastructureConfiguration imagebuilder:CreateImage
kinesisanalytics-001 iam:PassRole kinesisanalytics:CreateApplication kinesisanalytics:StartApplication
omics-001 iam:PassRole omics:CreateWorkflow omics:StartRun
ssm-003 iam:PassRole ssm:StartAutomationExecution
"""
RHINO = """
rhino-1 iam:CreatePolicyVersion
rhino-2 iam:SetDefaultPolicyVersion
rhino-3 iam:PassRole ec2:RunInstances
rhino-4 iam:CreateAccessKey
rhino-5 iam:CreateLoginProfile
rhino-6 iam:UpdateLoginProfile
rhino-7 iam:AttachUserPolicy
rhino-8 iam:AttachGroupPolicy
rhino-9 iam:AttachRolePolicy
rhino-10 iam:PutUserPolicy
rhino-11 iam:PutGroupPolicy
rhino-12 iam:PutRolePolicy
rhino-13 iam:AddUserToGroup
rhino-14 iam:UpdateAssumeRolePolicy sts:AssumeRole
rhino-15 iam:PassRole lambda:CreateFunction lambda:InvokeFunction
rhino-16 iam:PassRole lambda:CreateFunction lambda:AddPermission
rhino-17 iam:PassRole lambda:CreateFunction lambda:CreateEventSourceMapping dynamodb:PutItem dynamodb:CreateTable
rhino-18 lambda:UpdateFunctionCode
rhino-19 iam:PassRole glue:CreateDevEndpoint
rhino-20 glue:UpdateDevEndpoint
rhino-21 iam:PassRole cloudformation:CreateStack
rhino-22 iam:PassRole datapipeline:CreatePipeline datapipeline:PutPipelineDefinition
rhino-26 lambda:UpdateFunctionConfiguration
rhino-27 sagemaker:CreateNotebookInstance sagemaker:CreatePresignedNotebookInstanceUrl iam:PassRole
rhino-28 sagemaker:CreatePresignedNotebookInstanceUrl
"""
BISHOP_FOX = """
iam-vulnerable-CloudFormationUpdateStack cloudformation:UpdateStack
iam-vulnerable-CodeBuildCreateProjectPassRole iam:PassRole codebuild:CreateProject codebuild:StartBuild
iam-vulnerable-Ec2InstanceConnect ec2-instance-connect:SendSSHPublicKey
iam-vulnerable-SsmSendCommand ssm:SendCommand
iam-vulnerable-SsmStartSession ssm:StartSession
"""
"""Those that its numbered paths, which are Rhino's, leave out."""

REQUIRED = {
    words[0]: tuple(words[1:])
    for text in (PATHFINDING, PATHRUNNER, RHINO, BISHOP_FOX)
    for line in text.split("\n")
    if (words := line.split())
}
"""Required actions by id."""

WITHDRAWN = {
    "rhino-23": "codestar:CreateProjectFromTemplate",
    "rhino-24": "codestar:CreateProject",
    "rhino-25": "codestar:AssociateTeamMember",
}
"""Accepted: AWS has ended CodeStar, and these actions no longer exist."""
